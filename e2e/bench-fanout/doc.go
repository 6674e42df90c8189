// Command bench-fanout measures what it costs the hub to serve one camera to many viewers, beside the floor: the cheapest relay that can be written.
package main
