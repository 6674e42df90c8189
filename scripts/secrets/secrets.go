// Command secrets fails if a password, a token, a seed, a link or a cookie stands in a log. Its arguments are files and
// directories of logs; what it finds it names by place and kind and does not repeat.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// kind is a kind of secret, and what one looks like.
type kind struct {
	name string
	text *regexp.Regexp
}

// kinds lists them as hub/internal/auth and internal/natsconn/credential make them. The passwords are those of the
// tests.
func kinds() []kind {
	return []kind{
		{"password", regexp.MustCompile(`correct horse battery|tr0ub4dor|quis custodiet ipsos`)},
		{"hash of a password", regexp.MustCompile(`\$argon2id\$v=`)},
		{"API token", regexp.MustCompile(`bt_[a-z2-7]{8}_[a-z2-7]{52}`)},
		{"NKey seed", regexp.MustCompile(`\bS[A-Z]{1,2}[A-Z2-7]{55,56}\b`)},
		{"signed link", regexp.MustCompile(`\b[1-9][0-9]{0,11}\.[a-z0-9]{1,5}(-[a-z0-9]{1,5}){0,3}\.[A-Za-z0-9_-]{43}`)},
		{"session cookie", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{43}`)},
	}
}

// maxLine bounds a line of a log, in bytes.
const maxLine = 16 << 20

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1)
	}
}

func run(paths []string, out io.Writer) error {
	if len(paths) == 0 {
		return errors.New("want files or directories of logs")
	}
	bad, files, lines := 0, 0, 0
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			found, read, err := search(name, out)
			bad, files, lines = bad+found, files+1, lines+read
			return err
		})
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d secrets in logs: wrap them in secret.Text, or do not log them", bad)
	}
	if lines == 0 {
		return errors.New("nothing was logged, so nothing is proven")
	}
	fmt.Fprintf(out, "secrets: none in %d lines of %d logs\n", lines, files)
	return nil
}

// search names the secrets in one log to out, and counts them and the lines.
func search(name string, out io.Writer) (found, lines int, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	kinds := kinds()
	s := bufio.NewScanner(file)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		lines++
		for _, k := range kinds {
			if at := k.text.FindIndex(s.Bytes()); at != nil {
				found++
				fmt.Fprintf(out, "secrets: %s:%d: a %s, after: %s\n", name, lines, k.name, before(s.Bytes(), at[0]))
			}
		}
	}
	return found, lines, s.Err()
}

// before returns what stands before a secret: enough to find who wrote it.
func before(line []byte, at int) []byte { return line[max(0, at-200):at] }
