package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bramble-cam/bramble/agent/internal/discover"
)

// skipped writes why devices are not used; those with the same reason stand together.
func (p *printer) skipped(list []discover.Camera) {
	type group struct{ what, why string }
	var order []group
	nodes := map[group][]string{}
	for _, f := range list {
		g := group{oneLine(f.Title), f.Skipped}
		if strings.HasPrefix(g.what, videoNode) { // it has no other name
			g.what = ""
		}
		if _, ok := nodes[g]; !ok {
			order = append(order, g)
		}
		nodes[g] = append(nodes[g], f.Node)
	}
	for _, g := range order {
		where := strings.TrimSpace(numbers(nodes[g]) + " " + g.what)
		for i, part := range wrap(where+": "+g.why, lineWidth-4) {
			p.line("%s%s", strings.Repeat("  ", 1+min(i, 1)), part)
		}
	}
}

const videoNode = "/dev/video"

// numbers writes nodes in short: /dev/video10-12,18. They are in the order of their numbers.
func numbers(nodes []string) string {
	var runs [][2]int // first and last
	for _, node := range nodes {
		n, err := strconv.Atoi(strings.TrimPrefix(node, videoNode))
		switch {
		case err != nil:
		case len(runs) > 0 && runs[len(runs)-1][1] == n-1:
			runs[len(runs)-1][1] = n
		default:
			runs = append(runs, [2]int{n, n})
		}
	}
	var parts []string
	for _, r := range runs {
		part := strconv.Itoa(r[0])
		if r[1] > r[0] {
			part = fmt.Sprintf("%d-%d", r[0], r[1])
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return videoNode + strings.Join(parts, ",")
}
