/** What to read: what suits somebody and why, what comes again, and what they look for in their own words. */

import { Head } from "../../api/answers";
import { ME } from "../../api/client";
import { house } from "../../house";
import { filled, said } from "../../words/words";
import { look, NOTHING_SHOWN, tried } from "../page";

interface Row {
  readonly slug: string;
  readonly title: string;
  readonly about: string;
  readonly minutes: string;
}

Component({
  data: {
    ...NOTHING_SHOWN,
    isLoaded: false,
    suggested: [] as Row[],
    again: [] as Row[],
    articles: [] as Row[],
    text: "",
  },
  methods: {
    onShow(): Promise<void> {
      look(this, ({ w }) => w.learn.title);
      return this.load();
    },
    async load(): Promise<void> {
      const { client, looks } = house();
      await tried(this, async () => {
        const shown = looks.shown();
        const query = { language: shown.language };
        const [suggested, lessons, articles] = await Promise.all([
          client.ask("GET /v1/people/{person}/lessons/suggested", { places: ME, query }),
          client.ask("GET /v1/people/{person}/lessons", { places: ME, query }),
          client.ask("GET /v1/education/articles", { query: { ...query, ...this.wanted() } }),
        ]);
        const known: Record<string, Head> = {};
        for (const one of articles.articles) known[one.slug] = one;
        this.setData({
          isLoaded: true,
          suggested: suggested.suggested.map((one) => row({ ...one, slug: one.lesson }, said(one.why, shown.language))),
          again: lessons.due.map((one) => row(known[one.lesson] ?? { slug: one.lesson, title: one.lesson, minutes: 0 }, "")),
          articles: articles.articles.map((one) => row(one, one.summary)),
        });
      });
    },
    type(event: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.setData({ text: event.detail.value });
    },
    wanted(): { text?: string } {
      const text = this.data.text.trim();
      return text === "" ? {} : { text };
    },
    async open(event: WechatMiniprogram.TouchEvent<object, object, { slug: string }>): Promise<void> {
      await wx.navigateTo({ url: `/pages/lesson/lesson?slug=${event.currentTarget.dataset.slug}` });
    },
  },
});

function row(one: { slug: string; title: string; minutes: number }, about: string): Row {
  const minutes = one.minutes > 0 ? filled(house().looks.shown().w.learn.minutes, { n: one.minutes }) : "";
  return { slug: one.slug, title: one.title, about, minutes };
}
