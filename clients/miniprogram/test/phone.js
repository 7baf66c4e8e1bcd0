const { webcrypto } = require("crypto");

/**
 * A phone that stands in for WeChat's: what the program asks of `wx`, and no more. `answer` is the other side of
 * wx.request: it gets {method, path, headers, body} and gives {status, body, headers}, or null for no network.
 */
class Phone {
  constructor(answer = () => ({ status: 404, body: {} })) {
    this.answer = answer;
    this.asked = [];
    this.stored = new Map();
    this.logins = 0;
    this.subscribed = [];
    this.says = {};
    this.scanned = null;
    this.went = [];
    this.language = "zh_CN";
    this.fontSizeSetting = 17;
    this.isFull = false;
    this.storeIsBroken = false;
  }

  /** The requests of an operation: "POST /v1/devices/claim". */
  of(operation) {
    return this.asked.filter((one) => `${one.method} ${one.path}` === operation);
  }

  wx() {
    const failing = (errMsg, more = {}) => Promise.reject({ errMsg, ...more });
    return {
      login: () => Promise.resolve({ code: `code-${this.logins++}`, errMsg: "login:ok" }),
      request: ({ url, method, header, data, success, fail }) => void this.request(url, method, header, data, success, fail),
      getRandomValues: ({ length }) => Promise.resolve({ randomValues: webcrypto.getRandomValues(new Uint8Array(length)).buffer }),
      getStorage: ({ key, encrypt }) => {
        if (this.storeIsBroken) return failing("getStorage:fail io error");
        const found = this.stored.get(key);
        if (found === undefined || found.encrypt !== encrypt) return failing("getStorage:fail data not found");
        return Promise.resolve({ data: JSON.parse(found.text) });
      },
      setStorage: async ({ key, data, encrypt }) => {
        await null;
        if (this.isFull) return failing("setStorage:fail exceed storage max size");
        this.stored.set(key, { text: JSON.stringify(data), encrypt });
        return {};
      },
      removeStorage: async ({ key }) => void this.stored.delete(key),
      requestSubscribeMessage: ({ tmplIds }) => {
        this.subscribed.push(tmplIds);
        if (this.says.errCode) return failing("requestSubscribeMessage:fail", this.says);
        return Promise.resolve({ errMsg: "requestSubscribeMessage:ok", ...this.says });
      },
      scanCode: () => (this.scanned === null ? failing("scanCode:fail cancel") : Promise.resolve({ result: this.scanned })),
      getAppBaseInfo: () => ({ language: this.language, fontSizeSetting: this.fontSizeSetting }),
      setNavigationBarTitle: async ({ title }) => void (this.title = title),
      stopPullDownRefresh: async () => undefined,
      navigateTo: async ({ url }) => void this.went.push(url),
      makePhoneCall: ({ phoneNumber }) => void (this.called = phoneNumber),
    };
  }

  async request(url, method, header, data, success, fail) {
    const { pathname, search } = new URL(url);
    const body = data === undefined ? undefined : header["content-type"].endsWith("json") ? JSON.parse(data) : data;
    const one = { method, path: pathname, query: search, headers: header, body };
    this.asked.push(one);
    const came = await this.answer(one);
    if (came === null) fail({ errMsg: "request:fail", errno: 600001 });
    else success({ statusCode: came.status, header: came.headers ?? {}, data: came.body });
  }
}

/** The answer of a token end point; else what `more` gives. */
function house(more) {
  let tokens = 0;
  return (one) => {
    if (one.path !== "/oauth/token") return more(one);
    return { status: 200, body: { access_token: `token-${tokens++}`, expires_in: 600, token_type: "Bearer" } };
  };
}

const SETTINGS = { house: "https://phr.test", client: "c-1", scopes: ["overview.read", "care.write"] };

module.exports = { Phone, house, SETTINGS };
