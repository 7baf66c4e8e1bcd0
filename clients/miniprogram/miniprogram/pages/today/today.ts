/** What there is to do today, what needs attention, the latest of each metric; from here everything is one tap away. */

import { Attention } from "../../api/answers";
import { ME } from "../../api/client";
import { house } from "../../house";
import { DueRow, dueRows, LatestRow, latestRows, NoticeRow, noticeRow } from "../../showing";
import { filled, refusal, said } from "../../words/words";
import { callForHelp, look, NOTHING_SHOWN, sentence, tried } from "../page";

const MOST_SHOWN = 5;

Component({
  data: {
    ...NOTHING_SHOWN,
    isLoaded: false,
    due: [] as DueRow[],
    attention: [] as NoticeRow[],
    latest: [] as LatestRow[],
    messages: 0,
    waiting: "",
    refused: [] as string[],
  },
  methods: {
    onShow(): Promise<void> {
      look(this, ({ w }) => w.today.title);
      return this.load();
    },
    onPullDownRefresh(): Promise<void> {
      return this.load().then(() => void wx.stopPullDownRefresh());
    },
    async load(): Promise<void> {
      await tried(this, () => this.fetch());
      await this.sendWaiting();
    },
    async fetch(): Promise<void> {
      const { client, looks, subscribing } = house();
      const [overview, { reminders }] = await Promise.all([
        client.ask("GET /v1/people/{person}/overview", { places: ME }),
        client.ask("GET /v1/people/{person}/reminders", { places: ME }),
        // Whoever can't be asked now is asked another time: the day is shown all the same.
        subscribing.refresh().catch(() => undefined),
      ]);
      const shown = looks.shown();
      this.setData({
        isLoaded: true,
        due: dueRows(overview, reminders, shown),
        attention: overview.attention.filter(isOfReadings).slice(0, MOST_SHOWN).map((one) => noticeRow(one, shown)),
        messages: overview.attention.filter((one) => !isOfReadings(one)).length,
        latest: latestRows(overview, shown),
      });
    },
    /** What waits is sent behind the page; what the API does not take is said, since it is not kept any more. */
    async sendWaiting(): Promise<void> {
      const { unsent, looks } = house();
      try {
        await unsent.send();
        const left = (await unsent.list()).length;
        const shown = looks.shown();
        this.setData({
          waiting: left > 0 ? filled(shown.w.today.waiting, { n: left }) : "",
          refused: [...this.data.refused, ...unsent.takeRefused().map((one) => sentence(refusal(one, shown), shown))],
        });
      } catch {
        this.setData({ waiting: "" }); // WeChat's store can't be read now; what is in it stays
      }
    },
    act(event: WechatMiniprogram.CustomEvent<{ key: string }>): Promise<void> {
      const row = this.data.due.find((one) => one.key === event.detail.key);
      if (row === undefined) return Promise.resolve();
      if (row.does === "measure") return this.go(`/pages/add/add?metric=${row.about}`);
      if (row.does === "read") return this.go(`/pages/lesson/lesson?slug=${row.about}`);
      return this.done(row);
    },
    async done(row: DueRow): Promise<void> {
      const { client, looks, subscribing } = house();
      const allowed = subscribing.atTap(); // before anything is waited for: see there
      const { w, language } = looks.shown();
      await tried(this, async () => {
        const places = { ...ME, reminder: row.reminder, at: row.at };
        // A medicine that was taken stands in the record, too.
        const body = row.isMedicine ? { intake: {} } : {};
        const word = await client.ask("POST /v1/people/{person}/reminders/{reminder}/occurrences/{at}/done", { places, body });
        await this.fetch();
        const done = row.isMedicine ? w.today.saidTaken : w.today.saidDone;
        this.setData({ said: word.message ? said(word.message, language) : done });
      });
      const told = w.inbox.told[await allowed];
      if (told !== "") this.setData({ said: `${this.data.said} ${told}`.trim() });
    },
    async go(url: string): Promise<void> {
      await wx.navigateTo({ url });
    },
    toPage(event: WechatMiniprogram.TouchEvent<object, object, { page: string }>): Promise<void> {
      const { page } = event.currentTarget.dataset;
      return this.go(`/pages/${page}/${page}`);
    },
    call() {
      callForHelp();
    },
  },
});

function isOfReadings(one: Attention): boolean {
  return one.metric !== null;
}
