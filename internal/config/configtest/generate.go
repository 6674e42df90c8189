package configtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

const exampleWidth = 100 // columns of a comment in the example file

// fieldComments returns the comments of struct fields that are settings, by the setting's name.
func fieldComments(t *testing.T, sources ...string) map[string]string {
	t.Helper()
	comments := make(map[string]string)
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && f.Tag != nil && f.Doc != nil && len(f.Names) == 1 {
				comments[settingName(f)] = f.Doc.Text()
			}
			return true
		})
	}
	return comments
}

// settingName returns the name that kong gives to a field.
func settingName(f *ast.Field) string {
	tag, _ := strconv.Unquote(f.Tag.Value)
	if name := reflect.StructTag(tag).Get("name"); name != "" {
		return name
	}
	words := regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])`).ReplaceAllString(f.Names[0].Name, "$1$3-$2$4")
	return strings.ToLower(words)
}

// helpText returns the help of a flag without its default, which the reference and the example show beside it.
func helpText(f *kong.Flag) string {
	help := f.Help
	if def := f.Default; def != "" {
		help = strings.ReplaceAll(help, " ("+def+")", "")
		for _, separator := range []string{": ", "; ", ", "} {
			help = strings.ReplaceAll(help, "("+def+separator, "(")
		}
	}
	return help
}

// list returns the settings as a list of the reference page.
func (p Program) list(t *testing.T, details map[string]string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range p.flags(t, nil) {
		value := f.Default
		if value != "" {
			value = " (`" + value + "`)"
		}
		var text []string
		help := strings.ReplaceAll(helpText(f), " (0: no limit)", "") // the page says what 0 means
		for line := range strings.Lines(help + "\n" + details[f.Name]) {
			if !strings.HasPrefix(line, "\t") {
				text = append(text, strings.Fields(line)...)
			}
		}
		fmt.Fprintf(&b, "- `%s`%s: %s\n", f.Name, value, strings.Join(text, " "))
	}
	return b.String()
}

// example returns the example file: each setting with its help and, commented out, its default.
func (p Program) example(t *testing.T, details map[string]string) string {
	t.Helper()
	var b strings.Builder
	file := p.Example[strings.LastIndexByte(p.Example, '/')+1:]
	fmt.Fprintf(&b, `# Settings of %s: %[1]s --config %s
#
# Each setting is here with its default. To change one, remove the # before its name.
# docs/ref/config.md describes flags and environment variables of the same names.
`, p.Name, file)
	for _, f := range p.flags(t, nil) {
		b.WriteString("\n" + comment(helpText(f)+"\n"+details[f.Name]))
		b.WriteString(strings.TrimRight("#"+f.Name+": "+exampleValue(t, f), " ") + "\n")
	}
	return b.String()
}

// exampleValue returns a flag's default in YAML.
func exampleValue(t *testing.T, f *kong.Flag) string {
	t.Helper()
	switch {
	case f.IsBool() && f.Default == "":
		return "false"
	case f.IsSlice():
		node := yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range strings.FieldsFunc(f.Default, func(r rune) bool { return r == ',' }) {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: item, Tag: "!!str"})
		}
		text, err := yaml.Marshal(&node)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	default:
		return f.Default
	}
}

// comment returns a text as YAML comments of at most exampleWidth columns. Lines that begin with a tab are not wrapped.
func comment(text string) string {
	var b strings.Builder
	var line string
	flush := func() {
		if line != "" {
			b.WriteString("#" + line + "\n")
		}
		line = ""
	}
	for source := range strings.Lines(text) {
		if code, ok := strings.CutPrefix(source, "\t"); ok {
			flush()
			b.WriteString("#   " + code)
			continue
		}
		for _, word := range strings.Fields(source) {
			if len(line)+len(word)+2 > exampleWidth {
				flush()
			}
			line += " " + word
		}
	}
	flush()
	return b.String()
}
