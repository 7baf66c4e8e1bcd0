/** One message; "read" with its id where somebody says that they have seen it. */
Component({
  options: { addGlobalClass: true },
  properties: {
    /** showing.NoticeRow */
    row: { type: Object },
    w: { type: Object },
    /** In an inbox one says that one has seen it. */
    isAsked: { type: Boolean, value: false },
  },
  methods: {
    read() {
      const { id } = this.properties.row as { id: string };
      this.triggerEvent("read", { id });
    },
    call() {
      this.triggerEvent("call");
    },
  },
});
