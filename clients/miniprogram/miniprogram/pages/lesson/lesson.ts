/** An article to read, with its questions and its sources. */

import { Article, Block } from "../../api/answers";
import { ME } from "../../api/client";
import { newId } from "../../api/phone";
import { house } from "../../house";
import { filled, said } from "../../words/words";
import { look, NOTHING_SHOWN, tried } from "../page";

interface Asked {
  readonly ask: string;
  readonly answers: readonly string[];
  /** -1 before one is chosen. */
  readonly chosen: number;
  /** "" before it was looked at. */
  readonly told: string;
  readonly why: string;
}

Component({
  data: {
    ...NOTHING_SHOWN,
    slug: "",
    title: "",
    summary: "",
    note: "",
    blocks: [] as readonly Block[],
    questions: [] as Asked[],
    sources: [] as string[],
    /** Of these answers: sent again under it they are the same. */
    answersId: "",
  },
  methods: {
    onLoad(query: { slug?: string }) {
      this.setData({ slug: query.slug ?? "" });
    },
    onShow(): Promise<void> {
      look(this, ({ w }) => w.lesson.title);
      return this.data.title === "" ? this.load() : Promise.resolve();
    },
    async load(): Promise<void> {
      const { client, looks } = house();
      await tried(this, async () => {
        const { language } = looks.shown();
        const given = { places: { slug: this.data.slug }, query: { language } };
        this.show(await client.ask("GET /v1/education/articles/{slug}", given));
      });
    },
    show(one: Article) {
      const { w, language } = house().looks.shown();
      const note = one.reviewed_by === null ? w.unreviewed : filled(w.lesson.reviewed, { name: one.reviewed_by });
      this.setData({
        title: one.title,
        summary: one.summary,
        note,
        blocks: one.blocks,
        questions: one.quiz.map(({ ask, answers }) => ({ ask, answers, chosen: -1, told: "", why: "" })),
        sources: one.sources.map((source) => {
          const place = [said(source.title, language), source.year, source.section].filter(Boolean).join(", ");
          return source.evidence === "unverified" ? `${place} · ${w.lesson.unverified}` : place;
        }),
      });
    },
    choose(event: WechatMiniprogram.TouchEvent<object, object, { question: number; answer: number }>) {
      const { question, answer } = event.currentTarget.dataset;
      const questions = this.data.questions.map((one, number) =>
        number === question ? { ...one, chosen: answer, told: "", why: "" } : one,
      );
      this.setData({ questions, answersId: "" });
    },
    async finish(): Promise<void> {
      const { client, looks, subscribing } = house();
      const allowed = subscribing.atTap();
      const { w, language } = looks.shown();
      await tried(this, async () => {
        const read = { places: { ...ME, lesson: this.data.slug }, query: { language } };
        await client.ask("POST /v1/people/{person}/lessons/{lesson}/read", read);
        this.setData({ said: w.lesson.finished });
      });
      const told = w.inbox.told[await allowed];
      if (told !== "") this.setData({ said: `${this.data.said} ${told}`.trim() });
    },
    async answer(): Promise<void> {
      const { client, looks } = house();
      const { w, language } = looks.shown();
      const answers = this.data.questions.map((one) => one.chosen);
      if (answers.includes(-1)) return this.setData({ said: w.lesson.chooseAll });
      await tried(this, async () => {
        if (this.data.answersId === "") this.setData({ answersId: await newId() });
        const given = { places: { ...ME, lesson: this.data.slug }, body: { id: this.data.answersId, answers, language } };
        const judged = await client.ask("POST /v1/people/{person}/lessons/{lesson}/answers", given);
        const questions = this.data.questions.map((one, number) => {
          const found = judged.questions[number];
          return found ? { ...one, told: found.is_right ? w.lesson.right : w.lesson.wrong, why: found.why } : one;
        });
        this.setData({ questions });
      });
    },
  },
});
