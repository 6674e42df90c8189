package fanout

// BatchSize is how many readers a worker serves in a row.
const BatchSize = batchSize

// Idle returns how many batches are free and how many readers wait for the next one.
func (g *Group) Idle() (batches, readers int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.free), len(g.parked)
}
