package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// TokenCmd implements spool token, which makes a bearer token for the API.
type TokenCmd struct {
	Name string `placeholder:"NAME" default:"program" help:"Name in the configuration, for the log."`
	Role string `placeholder:"ROLE" enum:"view,control,admin,declare" default:"view" help:"Role of the token: view, control, admin or declare; see http.auth.tokens."`
}

// Help returns the text that spool token --help prints above the flags.
func (c *TokenCmd) Help() string {
	return `The first line of the output is the token. The program sends it as "Authorization: Bearer TOKEN". spool stores no copy,
so keep it safe. The second line goes into http.auth.tokens of the configuration. It holds only the SHA-256 of the
token, which cannot be used to sign in.`
}

// tokenBytes is the number of random bytes in a token: a token of 256 bits cannot be guessed.
const tokenBytes = 32

// Run prints a new token, and on a second line the entry of http.auth.tokens that accepts it.
func (c *TokenCmd) Run(p *Program) error {
	token := make([]byte, tokenBytes)
	_, _ = rand.Read(token) // never fails (crypto/rand)
	text := hex.EncodeToString(token)
	_, err := fmt.Fprintf(p.Stdout, "%s\n{name: %q, token: \"sha256:%x\", roles: [%s]}\n", text, c.Name, sha256.Sum256([]byte(text)), c.Role)
	return err
}
