package drop_test

import (
	"fmt"

	"github.com/bramble-cam/bramble/shared/drop"
)

// An agent counts the frames that it drops, and reports the counts in its status.
func ExampleCounters() {
	var drops drop.Counters
	drops.Add(drop.QueueHead, 2)
	drops.Add(drop.Gone, 1)
	fmt.Println(drops.Get(drop.QueueHead), drops.Map())
	// Output: 2 map[gone:1 queue_head:2]
}
