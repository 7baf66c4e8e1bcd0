/** How large, in which language, and what this phone has not sent yet. */

import { house } from "../../house";
import { stays } from "../../unsent";
import { filled, refusal, told } from "../../words/words";
import { look, NOTHING_SHOWN, sentence, tried } from "../page";

Component({
  data: { ...NOTHING_SHOWN, waiting: "", refused: [] as string[] },
  methods: {
    onShow(): Promise<void> {
      look(this, ({ w }) => w.more.title);
      return this.load();
    },
    async load(): Promise<void> {
      await tried(this, () => this.count());
    },
    async count(): Promise<void> {
      const { looks, unsent } = house();
      const left = (await unsent.list()).length;
      this.setData({ waiting: left > 0 ? filled(looks.shown().w.today.waiting, { n: left }) : "" });
    },
    setElder(): Promise<void> {
      const { looks } = house();
      looks.elder = !looks.elder;
      return this.onShow();
    },
    setLanguage(): Promise<void> {
      const { looks } = house();
      looks.language = looks.language === "zh" ? "en" : "zh";
      return this.onShow();
    },
    async send(): Promise<void> {
      const { looks, unsent } = house();
      await tried(this, async () => {
        const problem = (await unsent.send()).filter(stays).map((one) => one.problem)[0] ?? null;
        await this.count();
        const shown = looks.shown();
        const refused = unsent.takeRefused().map((one) => sentence(refusal(one, shown), shown));
        this.setData({ refused, trouble: problem === null ? null : told(problem, shown) });
      });
    },
  },
});
