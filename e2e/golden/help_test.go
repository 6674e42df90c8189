package golden

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestHelp compares the help of both programs and of all their commands.
func TestHelp(t *testing.T) {
	for _, program := range []string{"bramble-hub", "bramble-agent"} {
		t.Run(program, func(t *testing.T) {
			var got strings.Builder
			main := must(t, "", program, "--help")
			fmt.Fprintf(&got, "$ %s --help\n%s\n\n", program, main)
			for _, name := range commands(main) {
				text := must(t, "", program, append(strings.Fields(name), "--help")...)
				fmt.Fprintf(&got, "$ %s %s --help\n%s\n", program, name, withoutRepeated(text, main))
			}
			fmt.Fprintf(&got, "$ %s --version\n%s\n", program, must(t, "", program, "--version"))
			compare(t, "help-"+program+".txt", got.String())
		})
	}
}

// commands returns the names of the commands that a help text lists.
func commands(help string) (names []string) {
	_, list, _ := strings.Cut(help, "\nCommands:\n")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)*)`).FindAllStringSubmatch(list, -1) {
		names = append(names, m[1])
	}
	return names
}

// withoutRepeated returns a command's help. Flags that the program's main help has already shown become one line.
func withoutRepeated(help, main string) string {
	known := make(map[string]bool)
	for line := range strings.Lines(main) {
		known[line] = strings.HasPrefix(line, "   ") || strings.HasPrefix(line, "  -")
	}
	var out strings.Builder
	repeated := false
	for line := range strings.Lines(help + "\n") {
		switch {
		case !known[line]:
			out.WriteString(line)
		case !repeated:
			out.WriteString("  ... flags as in the main help\n")
		}
		repeated = known[line] || repeated && line == "\n"
	}
	return out.String()
}

// TestWrongCommandLine compares what a wrong command line is answered with.
func TestWrongCommandLine(t *testing.T) {
	var got strings.Builder
	for _, line := range []string{
		"bramble-hub frobnicate", "bramble-hub --frobnicate", "bramble-hub user", "bramble-hub user frobnicate",
		"bramble-hub --max-viewers many", "bramble-hub --linger soon", "bramble-agent frobnicate",
		"bramble-agent --frobnicate", "bramble-agent --camera", "bramble-agent join",
	} {
		program, rest, _ := strings.Cut(line, " ")
		out, code := command(t, "", program, strings.Fields(rest)...)
		fmt.Fprintf(&got, "$ %s\n%s\nexit code %d\n\n", line, strings.TrimSpace(out), code)
	}
	compare(t, "usage.txt", got.String())
}
