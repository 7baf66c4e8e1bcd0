/** What went wrong and what to do; "again" where it is tapped. */
Component({
  options: { addGlobalClass: true },
  properties: {
    /** words.Trouble, or null: nothing is shown. */
    trouble: { type: Object },
    w: { type: Object },
  },
  methods: {
    again() {
      this.triggerEvent("again");
    },
  },
});
