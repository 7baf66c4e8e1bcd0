"""Settings: PHR_* environment variables, read once into one frozen object that says where each value came from."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from phr.errors import SettingInvalid

FAMILY_FILE = "family.json"  # written under data_dir by a running family: the addresses of its embedded servers


def _setting(env: str, default: Any = None, *, secret: bool = False, help: str) -> Any:
    return field(default=default, metadata={"env": env, "secret": secret, "help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an installation can set. Made by ``load``."""

    data_dir: Path = _setting("PHR_DATA_DIR", Path(".phr"), help="where the embedded servers and keys live")
    mongodb_uri: str | None = _setting("PHR_MONGODB_URI", secret=True, help="MongoDB; unset: an embedded server")
    mongodb_database: str = _setting("PHR_MONGODB_DATABASE", "phr", help="name of the database")
    mqtt_url: str | None = _setting(
        "PHR_MQTT_URL", secret=True, help="mqtt(s)://user:password@host:port; unset: mosquitto"
    )
    mqtt_group: str | None = _setting("PHR_MQTT_GROUP", secret=True, help="secret name of the workers' share group")
    bind: str = _setting("PHR_BIND", "127.0.0.1", help="address that servers bind to")
    tls_certificate: str | None = _setting(
        "PHR_TLS_CERTIFICATE", help="file of the API's certificate and its chain, PEM; unset: plain HTTP, for a proxy"
    )
    tls_key: str | None = _setting("PHR_TLS_KEY", help="file of its key, PEM")
    http_port: int = _setting("PHR_HTTP_PORT", 8080, help="port of the API")
    mqtt_port: int = _setting("PHR_MQTT_PORT", 1883, help="port of the embedded broker")
    mqtts_port: int = _setting("PHR_MQTTS_PORT", 8883, help="TLS port of the embedded broker")
    mongodb_port: int = _setting("PHR_MONGODB_PORT", 27017, help="port of the embedded database")
    broker_hook_secret: str | None = _setting(
        "PHR_BROKER_HOOK_SECRET",
        secret=True,
        help="what EMQX or VerneMQ sends to ask for rights; unset: no such routes",
    )
    issuer: str | None = _setting("PHR_ISSUER", help="public base URL, issuer of tokens; unset: the API's own address")
    passkey_origins: str = _setting(
        "PHR_PASSKEY_ORIGINS",
        "",
        help="Android apps that add passkeys, with commas between: android:apk-key-hash:…; unset: no such app",
    )
    token_key: str | None = _setting(
        "PHR_TOKEN_KEY",
        secret=True,
        help="keys of access tokens, PEM (EC P-256), the one that signs first; unset: in data_dir",
    )
    id_token_key: str | None = _setting(
        "PHR_ID_TOKEN_KEY", secret=True, help="the same for id tokens, PEM (RSA); unset: in data_dir"
    )
    master_key: str | None = _setting(
        "PHR_MASTER_KEY",
        secret=True,
        help="wraps the keys of sealed fields: base64 of 32 bytes, older ones behind it; unset: in data_dir",
    )
    kms: str | None = _setting(
        "PHR_KMS", help="service that wraps new master keys: kmip, aws, azure or gcp; unset: they stand as they are"
    )
    kms_endpoint: str | None = _setting("PHR_KMS_ENDPOINT", help="its host or host:port; of aws and gcp the usual one")
    kms_key: str | None = _setting(
        "PHR_KMS_KEY", help="the key in it: an ARN, a name, projects/…/cryptoKeys/…; of kmip an id, unset: a new one"
    )
    kms_credentials: str | None = _setting(
        "PHR_KMS_CREDENTIALS", secret=True, help="what it knows us by, JSON: accessKeyId, clientSecret, privateKey …"
    )
    kms_ca: str | None = _setting("PHR_KMS_CA", help="file of who signed its certificate, PEM; unset: the machine's")
    kms_certificate: str | None = _setting(
        "PHR_KMS_CERTIFICATE", help="file of our certificate and its key, PEM, for kmip; unset: none is shown"
    )
    wechat_url: str = _setting("PHR_WECHAT_URL", "https://api.weixin.qq.com", help="base URL of WeChat's server")
    wechat_appid: str | None = _setting("PHR_WECHAT_APPID", help="the mini-program's id; unset: no login by WeChat")
    wechat_secret: str | None = _setting("PHR_WECHAT_SECRET", secret=True, help="the mini-program's AppSecret")
    wechat_page_url: str = _setting(
        "PHR_WECHAT_PAGE_URL", "https://open.weixin.qq.com", help="base URL of the page where WeChat asks its user"
    )
    wechat_web_appid: str | None = _setting(
        "PHR_WECHAT_WEB_APPID", help="the official account's id; unset: no login by WeChat at the browser"
    )
    wechat_web_secret: str | None = _setting(
        "PHR_WECHAT_WEB_SECRET", secret=True, help="the official account's AppSecret"
    )
    wechat_web_scope: str = _setting(
        "PHR_WECHAT_WEB_SCOPE", "snsapi_userinfo", help="snsapi_userinfo, or snsapi_base: silent, and without unionid"
    )
    sms_url: str | None = _setting("PHR_SMS_URL", help="gateway of short messages, a webhook; unset: no codes by phone")
    sms_secret: str | None = _setting("PHR_SMS_SECRET", secret=True, help="what signs the requests to it")
    wechat_template: str | None = _setting("PHR_WECHAT_TEMPLATE", help="subscribe message; unset: none is sent")
    wechat_template_fields: str = _setting(
        "PHR_WECHAT_TEMPLATE_FIELDS", "thing1=words,time2=time", help="its fields, and what is put in: words or time"
    )
    wechat_templates: str = _setting(
        "PHR_WECHAT_TEMPLATES", "", help="others for some kinds: reminder=ID thing1=words,time2=time; alert=ID"
    )
    wechat_subscription: str = _setting(
        "PHR_WECHAT_SUBSCRIPTION", "once", help="once: a message for each time the person allowed one; or lasting"
    )
    wechat_push_token: str | None = _setting(
        "PHR_WECHAT_PUSH_TOKEN", secret=True, help="what WeChat signs its message pushes with; unset: none are taken"
    )
    wechat_push_key: str | None = _setting(
        "PHR_WECHAT_PUSH_KEY", secret=True, help="EncodingAESKey of the mini-program; set: pushes come sealed"
    )
    wechat_web_template: str | None = _setting(
        "PHR_WECHAT_WEB_TEMPLATE", help="template message of the official account; unset: none is sent"
    )
    wechat_web_template_fields: str = _setting(
        "PHR_WECHAT_WEB_TEMPLATE_FIELDS", "thing1=words,time2=time", help="its fields, as PHR_WECHAT_TEMPLATE_FIELDS"
    )
    wechat_web_templates: str = _setting(
        "PHR_WECHAT_WEB_TEMPLATES", "", help="others for some kinds, as PHR_WECHAT_TEMPLATES"
    )
    mail_host: str | None = _setting("PHR_MAIL_HOST", help="mail server, host or host:port; unset: no e-mail")
    mail_tls: str = _setting(
        "PHR_MAIL_TLS", "starttls", help="starttls, or tls from the first byte; never in the clear"
    )
    mail_user: str | None = _setting("PHR_MAIL_USER", help="login there; unset: none")
    mail_password: str | None = _setting("PHR_MAIL_PASSWORD", secret=True, help="its password")
    mail_from: str | None = _setting("PHR_MAIL_FROM", help="the sender of e-mails")
    push_key: str | None = _setting(
        "PHR_PUSH_KEY", secret=True, help="VAPID key of web push, PEM (EC P-256); unset: none"
    )
    push_contact: str | None = _setting(
        "PHR_PUSH_CONTACT", help="mailto: or https: address that push services may write to"
    )
    outgoing_allow: str = _setting(
        "PHR_OUTGOING_ALLOW",
        "",
        help="hosts, with commas between, that web push and partners' webhooks may go to, host or host:port",
    )
    api_workers: int = _setting("PHR_API_WORKERS", 1, help="API processes")
    ingest_workers: int = _setting("PHR_INGEST_WORKERS", 1, help="ingest processes")
    timezone: str = _setting("PHR_TIMEZONE", "Asia/Shanghai", help="zone of a person who has named none")
    operator: str = _setting("PHR_OPERATOR", "", help="who administers, for the access log; unset: the login name")
    device_messages_per_min: int = _setting("PHR_DEVICE_MESSAGES_PER_MIN", 6_000, help="a device's rate; 0: none")
    device_readings_per_min: int = _setting("PHR_DEVICE_READINGS_PER_MIN", 600_000, help="a device's rate; 0: none")
    vendor_messages_per_min: int = _setting("PHR_VENDOR_MESSAGES_PER_MIN", 600_000, help="a vendor's rate; 0: none")
    vendor_readings_per_min: int = _setting("PHR_VENDOR_READINGS_PER_MIN", 30_000_000, help="a vendor's rate; 0: none")
    vendor_refused_per_min: int = _setting(
        "PHR_VENDOR_REFUSED_PER_MIN", 600, help="payloads of a vendor that may be refused whole; 0: no limit"
    )
    address_requests_per_min: int = _setting(
        "PHR_ADDRESS_REQUESTS_PER_MIN", 1_200, help="log-ins, tokens and claims from one address; 1 at least"
    )
    client_requests_per_min: int = _setting(
        "PHR_CLIENT_REQUESTS_PER_MIN", 30_000, help="the same in the name of one client, by all of its people"
    )
    person_requests_per_min: int = _setting(
        "PHR_PERSON_REQUESTS_PER_MIN", 60, help="the same for one person, or one link"
    )
    trusted_proxies: str = _setting(
        "PHR_TRUSTED_PROXIES",
        "",
        help="addresses or networks, with commas between, whose X-Forwarded-For is believed; unset: nobody's",
    )
    erasure_days: int = _setting("PHR_ERASURE_DAYS", 7, help="days in which who asked to be erased may think again")
    backup_kept_days: int = _setting(
        "PHR_BACKUP_KEPT_DAYS", 30, help="days after which you delete a backup; certificates of erasure name the last"
    )
    retained_years: int = _setting(
        "PHR_RETAINED_YEARS", 15, help="years for which an organisation's entries outlive an erasure"
    )
    access_log_days: int = _setting(
        "PHR_ACCESS_LOG_DAYS", 1_096, help="days for which the lines of the access log are kept; 184 at least"
    )
    metrics_secret: str | None = _setting(
        "PHR_METRICS_SECRET", secret=True, help="bearer secret for /metrics; unset: this machine only"
    )
    mqtt_queue_limit_bytes: int = _setting(
        "PHR_MQTT_QUEUE_LIMIT_BYTES", 0, help="byte limit of a queue at the broker; 0: the embedded broker's"
    )
    log_level: str = _setting("PHR_LOG_LEVEL", "INFO", help="DEBUG, INFO, WARNING or ERROR")
    log_format: str = _setting("PHR_LOG_FORMAT", "text", help="text, or json: one object a line")
    origins: Mapping[str, str] = field(
        default_factory=dict
    )  # field name -> "default" | "PHR_X" | "PHR_X_FILE" | "family"

    def is_asked_for(self, name: str) -> bool:
        """True where the operator set it; a default may be replaced by something that works, a wish may not."""
        return self.origins.get(name, "default").startswith("PHR_")

    def described(self) -> list[dict[str, str]]:
        """One row a setting: variable, value (secrets hidden), origin, help."""
        rows = []
        for spec in fields(self):
            if "env" not in spec.metadata:
                continue
            value = getattr(self, spec.name)
            shown = "" if value is None else "(secret)" if spec.metadata["secret"] else str(value)
            origin = self.origins.get(spec.name, "default")
            rows.append({"name": spec.metadata["env"], "value": shown, "origin": origin, "help": spec.metadata["help"]})
        return rows


def load(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment, then from a running family under data_dir, then from the defaults.

    A secret may also come from NAME_FILE. Raises SettingInvalid naming the variable: unknown PHR_* names, numbers
    that are none, files that can't be read.
    """
    by_env = {spec.metadata["env"]: spec for spec in fields(Settings) if "env" in spec.metadata}
    known = set(by_env) | {f"{env}_FILE" for env, spec in by_env.items() if spec.metadata["secret"]}
    unknown = sorted(name for name in environ if name.startswith("PHR_") and name not in known)
    if unknown:
        raise SettingInvalid(f"{unknown[0]} is not a setting; `python app.py settings` lists them all")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for env, spec in by_env.items():
        text, origin = environ.get(env) or None, env
        if text is None and spec.metadata["secret"] and environ.get(f"{env}_FILE"):
            text, origin = _read_secret(f"{env}_FILE", environ[f"{env}_FILE"]), f"{env}_FILE"
        if text is not None:
            values[spec.name], origins[spec.name] = _parsed(env, spec.default, text), origin
    data_dir = values.get("data_dir", Path(".phr"))
    for name, value in _family(data_dir).items():
        if name not in values:
            values[name], origins[name] = value, "family"
    values.setdefault("operator", getpass.getuser())
    return Settings(**values, origins=origins)


def _read_secret(env: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingInvalid(f"{env}: {path} can't be read: {error.strerror}") from error


def _parsed(env: str, default: Any, text: str) -> Any:
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, int):
        try:
            number = int(text)
        except ValueError as error:
            raise SettingInvalid(f"{env}={text} is not a whole number") from error
        if number < 0:
            raise SettingInvalid(f"{env}={text} must not be less than 0")
        return number
    return text


def _family(data_dir: Path) -> dict[str, Any]:
    try:
        found = json.loads((data_dir / FAMILY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    allowed = {spec.name for spec in fields(Settings)} - {"origins", "data_dir"}
    return {name: value for name, value in found.items() if name in allowed}
