/**
 * In which language and how large. Both begin as WeChat itself is set (its language, its font size) and hold until the
 * program ends: nothing of it is stored on the phone.
 */

import { en } from "./words/en";
import { zh, Words } from "./words/zh";

export type Language = "zh" | "en";

/** WeChat's standard is 17; who has set it so much larger wants it large everywhere. Our own choice. */
const LARGE_PX = 20;

/** What every page shows itself by. */
export interface Look {
  readonly w: Words;
  readonly language: Language;
  readonly elder: boolean;
}

export class Looks {
  language: Language;
  elder: boolean;

  constructor() {
    const { language, fontSizeSetting } = wx.getAppBaseInfo();
    this.language = language.startsWith("zh") ? "zh" : "en";
    this.elder = fontSizeSetting >= LARGE_PX;
  }

  shown(): Look {
    return { w: this.language === "zh" ? zh : en, language: this.language, elder: this.elder };
  }
}
