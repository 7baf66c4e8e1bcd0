/** An article's blocks, as the API gives them for clients that show no HTML. */
Component({
  options: { addGlobalClass: true },
  properties: {
    /** answers.Block */
    blocks: { type: Array, value: [] },
  },
});
