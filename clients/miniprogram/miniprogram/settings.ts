/** Which installation this mini-program belongs to: the one file that another installation changes. */

export interface Settings {
  /** Its public address, without a slash at the end; it stands among the mini-program's request domains at WeChat. */
  readonly house: string;
  /** What `admin client create --public --grant wechat_code` printed. No secret: anybody may know it. */
  readonly client: string;
  readonly scopes: readonly string[];
}

export const settings: Settings = {
  house: "https://phr.example",
  client: "c-0000000000000000",
  scopes: [
    "care.read",
    "care.write",
    "conditions.read",
    "devices.read",
    "devices.write",
    "encounters.read",
    "encounters.write",
    "medications.read",
    "medications.write",
    "notices.read",
    "notices.write",
    "overview.read",
    "profile.read",
    "readings.read",
    "readings.write",
  ],
};
