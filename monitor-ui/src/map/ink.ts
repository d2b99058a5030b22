export const MAP_FONT = 'Noto Sans SC Variable';

/** Colours on the map; wall.css has the same values for everything else. */
export const INK = {
  sea: '#060c16',
  land: '#101d30',
  shore: '#2a4666',
  river: '#132a42',
  border: '#33475f',
  grid: '#0d1828',
  street: '#33506f',
  city: '#9db1ca',
  water: '#2f5f86',
  corridor: '#36b7f0',
  corridorEdge: '#1d6f9a',
  red: '#ff3045',
  tail: '#bfe6ff',
  green: '#38e3a3',
  amber: '#ffb52e',
} as const;
