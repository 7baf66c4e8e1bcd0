/** A reading by hand, with big keys; kept by the phone until the API has said what became of it. */

import { newId } from "../../api/phone";
import { UNREACHABLE } from "../../api/problem";
import { Form, FORMS, isEntered, Meal, MEALS, Part, pressed, reading, Unit, wrongs } from "../../entering";
import { house } from "../../house";
import { Look } from "../../looks";
import { local, unitName } from "../../showing";
import { Outcome, Reading, stays } from "../../unsent";
import { filled, refusal, told } from "../../words/words";
import { look, NOTHING_SHOWN, sentence, Shown, tried } from "../page";

interface Choice {
  readonly key: string;
  readonly name: string;
}

interface Field extends Choice {
  readonly typed: string;
  readonly unit: string;
  readonly fault: string;
}

type Tap<Data extends WechatMiniprogram.IAnyObject> = WechatMiniprogram.TouchEvent<object, object, Data>;
type Picked = WechatMiniprogram.CustomEvent<{ value: string }>;

Component({
  data: {
    ...NOTHING_SHOWN,
    metric: "blood-pressure" as string,
    unit: "mm[Hg]",
    typed: {} as Record<string, string>,
    faults: {} as Record<string, string>,
    at: "systolic" as string,
    meal: "fasting" as Meal,
    /** "" while it is now. */
    date: "",
    time: "",
    today: "",
    metrics: [] as Choice[],
    units: [] as Choice[],
    meals: [] as Choice[],
    fields: [] as Field[],
    /** Neither kept nor sent: it goes again under its own id. */
    unkept: null as Reading | null,
  },
  methods: {
    onLoad(query: { metric?: string }) {
      const metric = query.metric ?? null;
      this.choose(isEntered(metric) ? metric : "blood-pressure");
    },
    onShow() {
      look(this, ({ w }) => w.add.title);
      this.show();
    },
    chooseMetric(event: Tap<{ key: string }>) {
      this.choose(event.currentTarget.dataset.key);
    },
    choose(metric: string) {
      const form = formOf(metric);
      this.setData({ metric, unit: (form.units[0] as Unit).code, date: "", time: "" });
      this.clear();
    },
    chooseUnit(event: Tap<{ key: string }>) {
      this.setData({ unit: event.currentTarget.dataset.key });
      this.clear();
    },
    clear() {
      const first = partsOf(this.data)[0] as Part;
      this.setData({ typed: {}, faults: {}, at: first.key });
      this.show();
    },
    chooseMeal(event: Tap<{ key: Meal }>) {
      this.setData({ meal: event.currentTarget.dataset.key });
    },
    chooseDate(event: Picked) {
      this.setData({ date: event.detail.value, time: this.data.time || local(new Date()).slice(11) });
    },
    chooseTime(event: Picked) {
      this.setData({ time: event.detail.value, date: this.data.date || local(new Date()).slice(0, 10) });
    },
    now() {
      this.setData({ date: "", time: "" });
    },
    focus(event: Tap<{ key: string }>) {
      this.setData({ at: event.currentTarget.dataset.key });
    },
    press(event: WechatMiniprogram.CustomEvent<{ key: string }>) {
      const parts = partsOf(this.data);
      const index = parts.findIndex((one) => one.key === this.data.at);
      const part = parts[index] as Part;
      const text = pressed(this.data.typed[part.key] ?? "", event.detail.key, part);
      this.setData({ typed: { ...this.data.typed, [part.key]: text }, faults: {}, said: "" });
      // Three whole figures are all that there can be: on to the next field.
      const next = parts[index + 1];
      if (event.detail.key !== "back" && part.decimals === 0 && text.length === 3 && next) this.setData({ at: next.key });
      this.show();
    },
    async store(): Promise<void> {
      const wrong = wrongs(unitOf(this.data), this.data.typed);
      const { w } = house().looks.shown();
      if (wrong.length > 0) {
        const faults: Record<string, string> = {};
        for (const one of wrong) faults[one.part] = filled(w.add.wrong[one.what], { part: partName(w, one.part), limit: one.limit });
        this.setData({ faults });
        return this.show();
      }
      const at = this.data.date === "" ? new Date() : new Date(`${this.data.date}T${this.data.time}:00`);
      if (at.getTime() > Date.now()) {
        this.setData({ said: w.add.future });
        return;
      }
      await tried(this, async () => {
        const one = reading(formOf(this.data.metric), unitOf(this.data), this.data.typed, { id: await newId(), at, meal: this.data.meal });
        await this.send(one);
      });
    },
    /** Kept first, sent second: whatever ends this program in between loses nothing. */
    async send(one: Reading): Promise<void> {
      const { looks, unsent } = house();
      const isKept = await unsent.keep(one).then(
        () => true,
        () => false, // the phone's store is full or broken
      );
      const sent = isKept ? (await unsent.send()).find(({ reading }) => reading.id === one.id) : await unsent.sendOne(one);
      const shown = looks.shown();
      const { said, trouble } = became(sent, isKept, shown);
      const others = unsent.takeRefused().filter(({ reading }) => reading.id !== one.id);
      if (said !== shown.w.add.notKept && said !== "") this.clear();
      this.setData({ unkept: said === shown.w.add.notKept ? one : null });
      this.setData({ said: [said, ...others.map((other) => sentence(refusal(other, shown), shown))].join(" "), trouble });
    },
    async again(): Promise<void> {
      const { unkept } = this.data;
      if (unkept !== null) return void (await tried(this, () => this.send(unkept)));
      if ((await house().unsent.list()).length === 0) return this.store();
      await tried(this, async () => {
        const problem = (await house().unsent.send()).filter(stays)[0]?.problem ?? null;
        const shown = house().looks.shown();
        this.setData(problem === null ? { said: shown.w.add.stored } : { trouble: told(problem, shown) });
      });
    },
    show() {
      const shown = house().looks.shown();
      const { w } = shown;
      const form = formOf(this.data.metric);
      this.setData({
        today: local(new Date()).slice(0, 10),
        metrics: FORMS.map((one) => ({ key: one.metric, name: w.add.metrics[one.metric] })),
        units: form.units.length > 1 ? form.units.map((one) => ({ key: one.code, name: unitName(one.code, shown) })) : [],
        meals: form.hasMeal ? MEALS.map((one) => ({ key: one, name: w.add.meals[one] })) : [],
        fields: partsOf(this.data).map((one) => this.field(one, shown)),
      });
    },
    field(part: Part, shown: Look): Field {
      const unit = unitName(part.key === "pulse" ? "/min" : this.data.unit, shown);
      const typed = this.data.typed[part.key] ?? "";
      return { key: part.key, name: partName(shown.w, part.key), typed, unit, fault: this.data.faults[part.key] ?? "" };
    },
  },
});

/** What became of it: said where it is stored or kept, and what is wrong where something is. */
function became(sent: Outcome | undefined, isKept: boolean, shown: Look): Pick<Shown, "said" | "trouble"> {
  const { w } = shown;
  if (sent === undefined) return { said: w.add.waits, trouble: null };
  const { verdict, problem } = sent;
  if (problem !== null && stays(sent)) {
    if (!isKept) return { said: w.add.notKept, trouble: told(problem, shown) };
    return problem.code === UNREACHABLE ? { said: w.add.kept, trouble: null } : { said: w.add.waits, trouble: told(problem, shown) };
  }
  if (problem !== null || verdict?.rejected.length) return { said: "", trouble: refusal(sent, shown) };
  return { said: verdict?.held ? w.add.held : verdict?.duplicate ? w.add.duplicate : w.add.stored, trouble: null };
}

function formOf(metric: string): Form {
  return FORMS.find((one) => one.metric === metric) ?? (FORMS[0] as Form);
}

function unitOf(data: { metric: string; unit: string }): Unit {
  const { units } = formOf(data.metric);
  return units.find((one) => one.code === data.unit) ?? (units[0] as Unit);
}

function partsOf(data: { metric: string; unit: string }): readonly Part[] {
  return unitOf(data).parts;
}

function partName(w: Look["w"], key: string): string {
  const names: Readonly<Record<string, string>> = w.add.parts;
  return names[key === "" ? "value" : key] ?? key;
}
