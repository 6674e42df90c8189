package policy

import (
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

func linkRules() []Rule {
	return []Rule{
		{
			"links in the docs resolve", "fix the path or the #anchor (lower case, words joined by -), or write the page",
			brokenLinks,
		},
		{
			"pages that code names exist", "name the page that says it: docs/FOLDER/PAGE.md, or write it",
			missingPages,
		},
		{
			"tests that the docs name exist", "name the test that proves the sentence, or write it",
			missingTests,
		},
	}
}

// missingPages finds pages that do not exist: any in comments of Go files, those of docs/ in the text of other files.
// A page is named by its path in the repository, or in the folder of the file.
func missingPages(tr *Tree) (found []Finding) {
	for _, f := range tr.gofs {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				found = append(found, tr.missingPagesIn(f.path, tr.fset.Position(c.Pos()).Line, c.Text, anyPage)...)
			}
		}
	}
	for _, name := range tr.texts() {
		if ext := path.Ext(name); ext != ".go" && ext != ".md" {
			found = append(found, tr.missingPagesIn(name, 1, tr.text[name], docsPage)...)
		}
	}
	return found
}

// Pages in a text, with their anchors.
const (
	anyPage  = `(?:^|[^\w./-])(\w[\w/-]*\.md)(?:#([\w-]+))?`
	docsPage = `(?:^|[^\w./-])(docs/[\w/-]+\.md)(?:#([\w-]+))?`
)

// missingPagesIn looks for pages in a text of a file. line is the number of its first line.
func (tr *Tree) missingPagesIn(file string, line int, text, pattern string) (found []Finding) {
	page := regexp.MustCompile(pattern)
	for i, l := range strings.Split(text, "\n") {
		for _, m := range page.FindAllStringSubmatch(l, -1) {
			at := file + ":" + strconv.Itoa(line+i)
			text, ok := tr.text[m[1]]
			if !ok {
				text, ok = tr.text[path.Join(path.Dir(file), m[1])]
			}
			switch {
			case !ok:
				found = append(found, Finding{at, m[1] + " does not exist"})
			case m[2] != "" && !anchors(text)[m[2]]:
				found = append(found, Finding{at, "no heading of " + m[1] + " makes the anchor #" + m[2]})
			}
		}
	}
	return found
}

// missingTests finds tests that a Markdown page names in backticks and that no Go file has.
func missingTests(tr *Tree) (found []Finding) {
	exists := make(map[string]bool)
	for _, name := range tr.texts(".go") {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(tr.text[name], -1) {
			exists[m[1]] = true
		}
	}
	named := regexp.MustCompile("`(?:[^` ]+ )?(Test\\w+)(?:/[^`]*)?`")
	for _, name := range tr.texts(".md") {
		for i, line := range strings.Split(tr.text[name], "\n") {
			for _, m := range named.FindAllStringSubmatch(line, -1) {
				if !exists[m[1]] {
					found = append(found, Finding{name + ":" + strconv.Itoa(i+1), "there is no test " + m[1]})
				}
			}
		}
	}
	return found
}

// brokenLinks follows the relative links and pictures of every Markdown page, anchors included.
func brokenLinks(tr *Tree) (found []Finding) {
	link := regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|(?:src|href)="([^"]+)"|^\s*\[[^\]^]+\]:\s+(\S+)`)
	for _, name := range tr.texts(".md") {
		for i, line := range proseLines(tr.text[name]) {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if why := tr.follow(name, m[1]+m[2]+m[3]); why != "" {
					found = append(found, Finding{name + ":" + strconv.Itoa(i+1), why})
				}
			}
		}
	}
	return found
}

// follow says why a link from a page leads nowhere; "" if it leads somewhere, or out to the web.
func (tr *Tree) follow(page, link string) string {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return ""
	}
	file, anchor, _ := strings.Cut(link, "#")
	to := page
	switch {
	case strings.HasPrefix(file, "/"):
		return link + " is absolute, and means something else on every site"
	case file != "":
		to = path.Join(path.Dir(page), file)
	}
	if _, err := fs.Stat(tr.fsys, to); err != nil {
		return link + " leads to " + to + ", which does not exist"
	}
	if anchor != "" && path.Ext(to) == ".md" && !anchors(tr.text[to])[anchor] {
		return "no heading of " + to + " makes the anchor #" + anchor
	}
	return ""
}

// proseLines is a page line by line with code blanked out: links in it are examples.
func proseLines(page string) []string {
	code := regexp.MustCompile("`[^`]*`")
	lines := strings.Split(page, "\n")
	fenced := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence || fenced {
			lines[i] = ""
		}
		if fence {
			fenced = !fenced
		}
		lines[i] = code.ReplaceAllString(lines[i], "")
	}
	return lines
}

// anchors is what the forges make of a page's headings: lower case, punctuation gone, spaces to dashes.
func anchors(page string) map[string]bool {
	made := map[string]bool{}
	fenced := false
	for _, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		text := strings.TrimLeft(line, "#")
		if fenced || len(text) == len(line) || !strings.HasPrefix(text, " ") {
			continue
		}
		made[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(text))] = true
	}
	return made
}
