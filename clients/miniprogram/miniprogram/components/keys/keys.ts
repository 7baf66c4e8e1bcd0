/** Big keys for numbers: "press" with "0" to "9", "." or "back". */
Component({
  options: { addGlobalClass: true },
  properties: {
    w: { type: Object },
  },
  data: { digits: ["1", "2", "3", "4", "5", "6", "7", "8", "9", ".", "0"] },
  methods: {
    press(event: WechatMiniprogram.TouchEvent<object, object, { key: string }>) {
      this.triggerEvent("press", { key: event.currentTarget.dataset.key });
    },
  },
});
