/** What is typed, scanned and shown. */
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { FORMS, pressed, reading, withOffset, wrongs } = require("../.built/entering");
const { parsed } = require("../.built/claiming");
const { moment, valueText } = require("../.built/showing");

const form = (metric) => FORMS.find((one) => one.metric === metric);
const step = (part) => 10 ** -part.decimals;

test("every limit of every field, just below, at and above it", () => {
  for (const unit of FORMS.flatMap((one) => one.units)) {
    for (const part of unit.parts) {
      const whats = (value) =>
        wrongs(unit, { [part.key]: value.toFixed(part.decimals) })
          .filter((one) => one.part === part.key)
          .map((one) => one.what);
      assert.deepEqual(whats(part.low - step(part)), ["too-low"], `${unit.code} ${part.key}`);
      assert.deepEqual(whats(part.low), []);
      assert.deepEqual(whats(part.high), []);
      assert.deepEqual(whats(part.high + step(part)), ["too-high"]);
    }
  }
});

test("what is missing and what is no number is said of its field", () => {
  const [unit] = form("blood-pressure").units;
  assert.deepEqual(
    wrongs(unit, { systolic: "." }).map((one) => [one.part, one.what]),
    [["systolic", "not-a-number"], ["diastolic", "missing"]],
  );
});

test("an upper pressure is above the lower one, by the least step too", () => {
  const [unit] = form("blood-pressure").units;
  const whats = (systolic) => wrongs(unit, { systolic, diastolic: "82" }).map((one) => [one.part, one.what]);
  assert.deepEqual(whats("81"), [["systolic", "not-above"]]);
  assert.deepEqual(whats("82"), [["systolic", "not-above"]]);
  assert.deepEqual(whats("83"), []);
});

test("keys write numbers with one point at most, and none where there are no decimals", () => {
  const [whole] = form("blood-pressure").units[0].parts;
  const [decimal] = form("weight").units[0].parts;
  const typed = (keys, part) => keys.reduce((text, key) => pressed(text, key, part), "");
  assert.equal(typed(["1", ".", "2"], whole), "12");
  assert.equal(typed(["6", "1", ".", "5", "."], decimal), "61.5");
  assert.equal(typed(["1", "2", "back"], whole), "1");
  assert.equal(typed([..."12345678"], decimal), "123456");
});

test("a reading has its id, its unit, its values and when it was on the phone's clock", () => {
  const at = new Date(2026, 10, 26, 8, 5, 0);
  const told = { id: "i1", at, meal: "fasting" };
  const typed = { systolic: "128", diastolic: "82", pulse: "" };
  const pressure = form("blood-pressure");
  assert.deepEqual(reading(pressure, pressure.units[0], typed, told), {
    id: "i1",
    metric: "blood-pressure",
    t: withOffset(at),
    unit: "mm[Hg]",
    value: { systolic: 128, diastolic: 82 },
  });
  const glucose = form("glucose-capillary");
  const one = reading(glucose, glucose.units[0], { "": "6.1" }, told);
  assert.deepEqual([one.value, one.context], [6.1, { meal: "fasting" }]);
});

test("a moment is written with the offset of the phone's clock", (t) => {
  const cases = [[-480, "2026-11-26T08:00:00+08:00"], [0, "2026-11-26T00:00:00+00:00"], [210, "2026-11-25T20:30:00-03:30"]];
  for (const [offset, text] of cases) {
    const at = new Date("2026-11-26T00:00:00Z");
    t.mock.method(at, "getTimezoneOffset", () => offset);
    assert.equal(withOffset(at), text);
    assert.equal(new Date(text).getTime(), at.getTime());
  }
});

test("codes on boxes are read as they are printed, and other pictures are none", () => {
  assert.deepEqual(parsed("phr:claim?device=demo/cuff-7&code=AB12"), { device: "demo/cuff-7", code: "AB12" });
  assert.deepEqual(parsed("phr:claim?device=demo%2Fcuff%3A7&code=AB12"), { device: "demo/cuff:7", code: "AB12" });
  assert.deepEqual(parsed(" AB12-CD34 "), { device: null, code: "AB12-CD34" });
  for (const text of ["https://example.com/?code=1", "phr:claim?device=a", "phr:claim?code=%E0%A4%A", "", "WIFI:S:home;;"]) {
    assert.equal(parsed(text), null, text);
  }
});

test("values are shown as people know them", () => {
  assert.equal(valueText({ components: { systolic: 128, diastolic: 82, pulse: 70 } }), "128/82");
  assert.equal(valueText({ value: 2.2, flag: "below-range" }), "<2.2");
  assert.equal(valueText({ value: 61.499999 }), "61.5");
  assert.equal(valueText({ value: { code: "former" } }), "former");
  assert.equal(valueText({ value: null }), "");
  assert.equal(moment("2026-11-26T08:05:00+08:00"), "11-26 08:05");
});
