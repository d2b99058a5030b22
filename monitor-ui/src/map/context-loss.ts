/** Calls `changed` when one of the canvases loses its WebGL context or gets it back; true while any has none. */
export function watchContextLoss(canvases: HTMLCanvasElement[], changed: (lost: boolean) => void): void {
  const lost = new Set<HTMLCanvasElement>();
  for (const canvas of canvases) {
    canvas.addEventListener('webglcontextlost', () => changed(lost.add(canvas).size > 0));
    canvas.addEventListener('webglcontextrestored', () => {
      lost.delete(canvas);
      changed(lost.size > 0);
    });
  }
}
