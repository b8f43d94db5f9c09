package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// TokenCmd is spool token.
type TokenCmd struct {
	Name string `placeholder:"NAME" default:"program" help:"Name in the configuration, for the log."`
	Role string `placeholder:"ROLE" enum:"view,control,admin,declare" default:"view" help:"view, control, admin or declare: what it may do, see http.auth.tokens."`
}

// Help is what spool token --help says beside the flags.
func (c *TokenCmd) Help() string {
	return `The first line of the output is the token, which the program sends: Authorization: Bearer TOKEN. It is kept nowhere
and cannot be got back. The second line goes into http.auth.tokens of the configuration: it holds the SHA-256 of the token
alone, by which nobody can sign in.`
}

// tokenBytes are as many as cannot be guessed.
const tokenBytes = 32

// Run prints a new token, and the setting that takes it.
func (c *TokenCmd) Run(p *Program) error {
	token := make([]byte, tokenBytes)
	_, _ = rand.Read(token) // never fails (crypto/rand)
	text := hex.EncodeToString(token)
	_, err := fmt.Fprintf(p.Stdout, "%s\n{name: %q, token: \"sha256:%x\", roles: [%s]}\n", text, c.Name, sha256.Sum256([]byte(text)), c.Role)
	return err
}
