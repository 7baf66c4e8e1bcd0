/** What every page does alike. Pages are made with Component(), so that tests can hold them like any component. */

import { problemOf } from "../api/problem";
import { house } from "../house";
import { Look } from "../looks";
import { told, Trouble } from "../words/words";

export interface Page {
  setData(data: Record<string, unknown>): void;
}

/** What stands in the data of each page. */
export interface Shown extends Look {
  readonly trouble: Trouble | null;
  readonly busy: boolean;
  /** What was done, in a sentence. */
  readonly said: string;
}

export const NOTHING_SHOWN = { w: {}, language: "zh", elder: false, trouble: null, busy: false, said: "" } as unknown as Shown;

/** The page in the language and size of now, under its title. */
export function look(page: Page, title: (look: Look) => string): Look {
  const shown = house().looks.shown();
  page.setData({ ...shown });
  void wx.setNavigationBarTitle({ title: title(shown) });
  return shown;
}

/** Does it; what goes wrong is shown as what happened and what to do. True where nothing did. */
export async function tried(page: Page, action: () => Promise<void>): Promise<boolean> {
  page.setData({ busy: true, trouble: null, said: "" });
  try {
    await action();
    return true;
  } catch (error) {
    page.setData({ trouble: told(problemOf(error), house().looks.shown()) });
    return false;
  } finally {
    page.setData({ busy: false });
  }
}

/** Of a reading that was not taken, in one line. */
export function sentence({ what, todo }: Trouble, { w }: Look): string {
  return `${w.today.refused} ${what} ${todo}`;
}

/** The number for emergencies in China. */
export function callForHelp(): void {
  wx.makePhoneCall({ phoneNumber: "120", fail: () => undefined });
}
