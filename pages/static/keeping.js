// Keeps something on the server soon after it was typed: once at a time, and again until the server has it.

const TYPED_MS = 700;
const AGAIN_MS = 3000;

// `keep` gives true once the server has it. `soon(wait)`: something was typed; `settle()`: waits for what is under way,
// so that nothing is kept after what comes then.
export function keeper(keep) {
  let last = Promise.resolve();
  let timer = 0;
  const soon = (wait = TYPED_MS) => {
    clearTimeout(timer);
    timer = setTimeout(() => (last = last.then(once)), wait);
  };
  const once = async () => (await keep()) || soon(AGAIN_MS);
  const settle = () => {
    clearTimeout(timer);
    return last;
  };
  return { soon, settle };
}
