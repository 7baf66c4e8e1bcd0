/** One thing to do. A tap says "act" with the row's key: what is done stands in the row. */
Component({
  options: { addGlobalClass: true },
  properties: {
    /** showing.DueRow */
    row: { type: Object },
    busy: { type: Boolean, value: false },
  },
  methods: {
    act() {
      const { key } = this.properties.row as { key: string };
      if (!this.properties.busy) this.triggerEvent("act", { key });
    },
  },
});
