package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
)

// maxTokenAttempts is how often join asks for a token.
const maxTokenAttempts = 3

// seedLength is how many characters a token has.
const seedLength = 58

// token returns the token from a flag or a file, else from the terminal, else from standard input.
// It is "" if there is none, for a hub that needs no token.
func (j *joinCommand) token(ctx context.Context, g joinRun) (secret.Text, error) {
	tty, isTerminal := secret.Terminal(g.stdin)
	switch {
	case j.Token != "" && j.TokenFile != "":
		return "", errors.New("--token and --token-file: give one of them, or neither and join will ask for the token")
	case j.TokenFile != "":
		c, err := credential.ReadFile(j.TokenFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		return c.Seed(), nil
	case j.Token != "" && j.Token != "-":
		seed, err := parseToken(j.Token)
		if err != nil {
			return "", fmt.Errorf("--token: %w", err)
		}
		return seed, nil
	case isTerminal:
		ask := func() (secret.Text, error) {
			const prompt = "Token that \"bramble-hub agent add\" printed (hidden while you type): "
			return secret.Ask(ctx, tty, g.out, prompt)
		}
		return g.askToken(ask)
	}
	line, err := secret.ReadLine(g.stdin)
	if err != nil {
		return "", fmt.Errorf("the token from standard input: %w", err)
	}
	if strings.TrimSpace(line.Reveal()) == "" && j.Token == "" {
		return "", nil
	}
	seed, err := parseToken(line)
	if err != nil {
		return "", fmt.Errorf("the token from standard input: %w; --token-file FILE is another way", err)
	}
	return seed, nil
}

// askToken asks until the token is valid or the line is empty, at most three times.
func (g joinRun) askToken(ask func() (secret.Text, error)) (secret.Text, error) {
	for n := 1; ; n++ {
		line, err := ask()
		if err != nil {
			return "", err
		}
		if strings.TrimSpace(line.Reveal()) == "" {
			g.printf("No token: this works only if the hub needs none.")
			return "", nil
		}
		seed, err := parseToken(line)
		if err == nil {
			return seed, nil
		}
		if n == maxTokenAttempts {
			return "", fmt.Errorf("the token: %w", err)
		}
		g.printf("This is %v.", err)
	}
}

// parseToken returns the token in a text that was typed or pasted. The error says what is wrong, without repeating the
// text.
func parseToken(text secret.Text) (secret.Text, error) {
	word := strings.Join(strings.Fields(text.Reveal()), "") // a line that was copied out of a narrow window is broken
	c, err := credential.Parse(secret.Text(word))
	switch {
	case err == nil:
		return c.Seed(), nil
	case strings.HasPrefix(word, "U"):
		return "", errors.New("not a token, but the public key of \"agent list\": the token begins with SU, " +
			"and only \"agent add\" prints it")
	case strings.HasPrefix(word, "SU") && len(word) != seedLength:
		return "", fmt.Errorf("not a whole token: it has %d characters, and a token %d", len(word), seedLength)
	case strings.HasPrefix(word, "SU"):
		return "", errors.New("not a token: a character is wrong, because the checksum does not match: " +
			"copy it instead of typing it")
	}
	return "", err
}
