// The newest question counts: older ones are called off, and answers that come all the same are dropped.

/**
 * `ask(signal, ...arguments)` so many milliseconds after the last call of what this returns; or, where `isLive`, at once
 * and then no more often than that. What it returns goes to `done`, what it throws to `failed`, unless a newer question
 * has been asked meanwhile. `.stop()` calls everything off.
 */
export function latest(delayMs, ask, done, failed, { isLive = false } = {}) {
  let timer;
  let running;
  let newest;
  let asked = -Infinity;

  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
    running?.abort();
  };
  const start = async () => {
    stop();
    asked = performance.now();
    const mine = new AbortController();
    const given = newest;
    running = mine;
    try {
      const found = await ask(mine.signal, ...given);
      if (!mine.signal.aborted) done(found, ...given);
    } catch (error) {
      if (!mine.signal.aborted) failed(error, ...given);
    }
  };
  const trigger = (...given) => {
    newest = given;
    if (!isLive) stop();
    timer ??= setTimeout(start, isLive ? Math.max(0, asked + delayMs - performance.now()) : delayMs);
  };
  return Object.assign(trigger, { stop });
}
