package auth

// Config lists the users and tokens with their roles. Without users and tokens, every client may do
// everything.
type Config struct {
	None   bool // the operator has turned authentication off
	Users  []User
	Tokens []Token
}

// Open reports whether c has neither users nor tokens, so that every client may do everything.
func (c Config) Open() bool { return len(c.Users) == 0 && len(c.Tokens) == 0 }

// User is a user who signs in by name and password (RFC 7617).
type User struct {
	Name         string
	PasswordHash string // result of HashPassword
	Roles        []Role // may be empty if the user has Streams
	Streams      Streams
}

// Token is a bearer token by which a program signs in (RFC 6750).
type Token struct {
	Name    string // shown in the log; may be empty
	Token   string // the secret, or sha256: and the SHA-256 of the secret in hexadecimal
	Roles   []Role // may be empty if the token has Streams
	Streams Streams
}
