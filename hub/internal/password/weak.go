package password

import (
	"errors"
	"os"
	"slices"
	"strings"
	"unicode"
)

const (
	// minDifferent is how many different characters a password must have.
	minDifferent = 5

	// minRow is the shortest part of a row that counts as a row of keys or of the alphabet.
	minRow = 3

	// minName is the shortest name that a password is searched for.
	minName = 3

	// minRest is how many letters and digits a password must have beside the user's or the host's name.
	minRest = 8

	// maxWords is how many common words are too weak, whatever digits and signs surround them.
	maxWords = 2
)

// rows returns common sequences: rows and columns of keys, digits, the alphabet.
func rows() []string {
	return []string{
		"12345678901234567890", "abcdefghijklmnopqrstuvwxyz",
		"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
		"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp",
		"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "!@#$%^&*()", "!\"#$%&'()",
	}
}

// commonWords returns the words in most common passwords.
// Such passwords add digits and signs, or replace letters with them.
func commonWords() []string {
	return strings.Fields(`
		password passwort passwd passphrase pass kennwort geheim secret welcome willkommen letmein login logon admin
		administrator root user guest test testing demo default changeme change me please master system service server
		access enter open sesame temp temporary iloveyou iloveu loveyou lovely love baby babygirl angel princess queen
		sunshine flower summer winter spring autumn monday january football baseball basketball soccer hockey
		liverpool chelsea arsenal barcelona yankees dragon monkey tiger shadow killer hunter ranger superman batman
		spiderman starwars pokemon naruto minecraft master matrix pepper cookie chocolate cheese banana whatever
		trustno trustno1 nothing freedom internet computer samsung google facebook qwerty qwertz azerty abc abcd asdf
		michael michelle jennifer jessica charlie daniel andrew anthony joshua thomas robert jordan hello hallo world
		hola bonjour raspberry raspberrypi raspbian bramble camera cameras webcam cam hub homeassistant octoprint
		motion ubnt security private lab home office`)
}

// checkWeak refuses passwords that attackers try first. names are the user's name and similar ones.
func checkWeak(text string, names ...string) error {
	const take = ": choose several unrelated words"
	plain := strings.ToLower(strings.TrimSpace(text))
	different := make(map[rune]bool)
	for _, r := range plain {
		different[r] = true
	}
	switch {
	case len(different) < minDifferent:
		return errors.New("the password has too few different characters" + take)
	case repeats(plain):
		return errors.New("the password repeats itself" + take)
	case coveredByRows(plain):
		return errors.New("the password follows rows of keys, the alphabet or digits, which attackers try first" + take)
	}
	if host, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(host, ".")
		names = append(names, short)
	}
	letters := unmask(plain)
	for _, name := range names {
		name = unmask(strings.ToLower(name))
		if len(name) >= minName && strings.Contains(letters, name) &&
			count(strings.ReplaceAll(letters, name, " ")) < minRest {
			return errors.New("the password is the name of the user or of this host with little around it" + take)
		}
	}
	if words, rest := withoutWords(letters); words > 0 && words <= maxWords && rest < minRow {
		return errors.New("the password is a common word with digits or signs around it, which attackers try first" + take)
	}
	return nil
}

// repeats reports whether text repeats one part. The last repetition may be incomplete.
func repeats(text string) bool {
	for n := 1; n <= len(text)/2; n++ {
		if strings.HasPrefix(strings.Repeat(text[:n], len(text)/n+1), text) {
			return true
		}
	}
	return false
}

// coveredByRows reports whether nearly all of text consists of parts of rows, forwards or backwards.
func coveredByRows(text string) bool {
	all := rows()
	for _, row := range rows() {
		r := []rune(row)
		slices.Reverse(r)
		all = append(all, string(r))
	}
	left := 0
	for len(text) > 0 {
		longest := 0
		within := func(n int) bool {
			return slices.ContainsFunc(all, func(row string) bool { return strings.Contains(row, text[:n]) })
		}
		for n := minRow; n <= len(text) && within(n); n++ {
			longest = n
		}
		if longest == 0 {
			longest = 1
			left++
		}
		text = text[longest:]
	}
	return left < minRow
}

// unmask replaces digits and signs with the letters that they stand for. It removes all other characters.
func unmask(text string) string {
	stands := map[rune]rune{
		'@': 'a', '4': 'a', '8': 'b', '3': 'e', '1': 'i', '!': 'i',
		'|': 'i', '0': 'o', '5': 's', '$': 's', '7': 't', '+': 't',
	}
	runes := []rune(text)
	beside := func(i int) bool { return i >= 0 && i < len(runes) && unicode.IsLetter(runes[i]) }
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, string(mapIndexed(runes, func(i int, r rune) rune {
		if to, ok := stands[r]; ok && beside(i-1) && (beside(i+1) || i+2 < len(runes) && beside(i+2)) {
			return to
		}
		return r
	})))
}

func mapIndexed(runes []rune, f func(int, rune) rune) []rune {
	out := make([]rune, len(runes))
	for i, r := range runes {
		out[i] = f(i, r)
	}
	return out
}

func count(text string) (n int) {
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// withoutWords removes common words from text, the longest first.
// It returns how many there were and how many letters are left.
func withoutWords(text string) (words, rest int) {
	list := commonWords()
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	for _, w := range list {
		if n := strings.Count(text, w); n > 0 {
			words += n
			text = strings.ReplaceAll(text, w, " ")
		}
	}
	return words, count(text)
}
