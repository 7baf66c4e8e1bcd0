/** Makes a device one's own: its code scanned, or typed where scanning does not work. */

import { ME } from "../../api/client";
import { parsed } from "../../claiming";
import { house } from "../../house";
import { filled } from "../../words/words";
import { look, NOTHING_SHOWN, tried } from "../page";

interface Row {
  readonly device: string;
  readonly state: string;
}

type Typed = WechatMiniprogram.CustomEvent<{ value: string }>;

Component({
  data: { ...NOTHING_SHOWN, device: "", code: "", isLoaded: false, devices: [] as Row[] },
  methods: {
    onShow(): Promise<void> {
      look(this, ({ w }) => w.claim.title);
      return this.load();
    },
    async load(): Promise<void> {
      await tried(this, () => this.fetch());
    },
    async fetch(): Promise<void> {
      const { client, looks } = house();
      const found = await client.ask("GET /v1/people/{person}/devices", { places: ME });
      const { states } = looks.shown().w.claim;
      const devices = found.devices.map(({ device, state }) => ({ device, state: states[state] ?? state }));
      this.setData({ isLoaded: true, devices });
    },
    async scan(): Promise<void> {
      const { w } = house().looks.shown();
      const text = await wx.scanCode({ scanType: ["qrCode"] }).then(
        ({ result }) => result,
        () => null, // closed, or no camera
      );
      if (text === null) return this.setData({ said: w.claim.noCamera });
      const found = parsed(text);
      if (found === null) return this.setData({ said: w.claim.notOurs });
      this.setData({ device: found.device ?? this.data.device, code: found.code, said: "" });
      // A code without its device is completed by hand.
      return found.device === null ? undefined : this.claim();
    },
    typeDevice(event: Typed) {
      this.setData({ device: event.detail.value.trim() });
    },
    typeCode(event: Typed) {
      this.setData({ code: event.detail.value.trim() });
    },
    async claim(): Promise<void> {
      const { device, code } = this.data;
      const { client, looks } = house();
      const { w } = looks.shown();
      if (device === "" || code === "") return this.setData({ said: w.claim.missing });
      await tried(this, async () => {
        const claimed = await client.ask("POST /v1/devices/claim", { body: { device, code } });
        this.setData({ device: "", code: "" });
        await this.fetch();
        this.setData({ said: filled(w.claim.claimed, { device: claimed.device }) });
      });
    },
  },
});
