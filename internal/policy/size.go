package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	maxFileLines    = 400
	maxPackageFiles = 20
	maxPackageLines = 2500
)

func sizeRules() []Rule {
	return []Rule{
		{
			fmt.Sprintf("files have at most %d lines", maxFileLines), "split it by concern: one type or one protocol a file",
			longFiles,
		},
		{
			fmt.Sprintf("packages have at most %d files and %d lines", maxPackageFiles, maxPackageLines),
			"split it where one half can do without the other; tests do not count",
			largePackages,
		},
	}
}

func longFiles(tr *Tree) (found []Finding) {
	for _, name := range tr.texts(".go", ".js", ".mjs", ".ts") {
		if n := strings.Count(tr.text[name], "\n"); n > maxFileLines {
			found = append(found, Finding{name, fmt.Sprintf("%d lines", n)})
		}
	}
	return found
}

// largePackages flags packages with too many files or lines outside tests.
func largePackages(tr *Tree) (found []Finding) {
	files, lines := map[string]int{}, map[string]int{}
	for _, f := range tr.code() {
		files[f.dir()]++
		lines[f.dir()] += strings.Count(tr.text[f.path], "\n")
	}
	for _, dir := range slices.Sorted(maps.Keys(files)) {
		if files[dir] > maxPackageFiles || lines[dir] > maxPackageLines {
			found = append(found, Finding{dir, fmt.Sprintf("%d files, %d lines", files[dir], lines[dir])})
		}
	}
	return found
}
