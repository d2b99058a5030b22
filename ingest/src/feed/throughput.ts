/** How many reports are committed a second, and how late live ones were at most since the last figures were sent. */
export class Throughput {
  #reports = 0;
  #lagMs = 0;
  #rate = 0;

  count(reports: number): void {
    this.#reports += reports;
  }

  /** @param lagMs from the time of a live report to its commit */
  late(lagMs: number): void {
    this.#lagMs = Math.max(this.#lagMs, lagMs);
  }

  get stats(): { reportsPerSecond: number; lagMs: number } {
    return { reportsPerSecond: this.#rate, lagMs: this.#lagMs };
  }

  /** To be called every `everyS` seconds before the figures are read: smooths the rate over the periods before. */
  measure(everyS: number): void {
    this.#rate = Math.round((this.#rate + this.#reports / everyS) / 2);
    this.#reports = 0;
  }

  /** To be called once the figures have been sent: the largest lag is that since then. */
  sent(): void {
    this.#lagMs = 0;
  }
}
