/** What somebody was told, newest first; and the tap that lets WeChat tell the next. */

import { ME } from "../../api/client";
import { house } from "../../house";
import { NoticeRow, noticeRow } from "../../showing";
import { filled } from "../../words/words";
import { callForHelp, look, NOTHING_SHOWN, tried } from "../page";

const PAGE = 20;

Component({
  data: {
    ...NOTHING_SHOWN,
    isLoaded: false,
    rows: [] as NoticeRow[],
    hasUnread: false,
    cursor: "",
    isOffered: false,
    left: "",
  },
  methods: {
    onShow(): Promise<void> {
      look(this, ({ w }) => w.inbox.title);
      return this.load();
    },
    onPullDownRefresh(): Promise<void> {
      return this.load().then(() => void wx.stopPullDownRefresh());
    },
    async load(): Promise<void> {
      await tried(this, async () => {
        await Promise.all([this.fetch(""), house().subscribing.refresh().catch(() => undefined)]);
        this.showLeft();
      });
    },
    async older(): Promise<void> {
      await tried(this, () => this.fetch(this.data.cursor));
    },
    async fetch(cursor: string): Promise<void> {
      const query = { limit: PAGE, ...(cursor === "" ? {} : { cursor }) };
      const found = await house().client.ask("GET /v1/people/{person}/notices", { places: ME, query });
      const shown = house().looks.shown();
      const rows = found.notices.map((one) => noticeRow(one, shown));
      this.show(cursor === "" ? rows : [...this.data.rows, ...rows]);
      this.setData({ isLoaded: true, cursor: found.next_cursor ?? "" });
    },
    readOne(event: WechatMiniprogram.CustomEvent<{ id: string }>): Promise<void> {
      return this.read([event.detail.id]);
    },
    readAll(): Promise<void> {
      return this.read(this.data.rows.filter((one) => !one.isRead).map((one) => one.id));
    },
    async read(ids: string[]): Promise<void> {
      await tried(this, async () => {
        const found = await house().client.ask("POST /v1/people/{person}/notices/read", { places: ME, body: { ids } });
        this.show(this.data.rows.map((one) => (found.read.includes(one.id) ? { ...one, isRead: true } : one)));
      });
    },
    /** A tap that asks for this alone, so that WeChat's question comes whatever was said before. */
    async tell(): Promise<void> {
      const { looks, subscribing } = house();
      const answer = await subscribing.atTap(true);
      this.setData({ said: looks.shown().w.inbox.told[answer] });
      this.showLeft();
    },
    call() {
      callForHelp();
    },
    show(rows: NoticeRow[]) {
      this.setData({ rows, hasUnread: rows.some((one) => !one.isRead) });
    },
    showLeft() {
      const { looks, subscribing } = house();
      const { left, none } = looks.shown().w.inbox;
      const text = subscribing.left > 0 ? filled(left, { n: subscribing.left }) : none;
      this.setData({ isOffered: subscribing.isOffered, left: text });
    },
  },
});
