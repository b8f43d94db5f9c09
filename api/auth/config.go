package auth

// Config lists the users and tokens with their roles. Without any, every client may do everything.
type Config struct {
	None   bool // authentication is explicitly off
	Users  []User
	Tokens []Token
}

// Open reports whether authentication is off.
func (c Config) Open() bool { return len(c.Users) == 0 && len(c.Tokens) == 0 }

// User signs in by name and password (RFC 7617).
type User struct {
	Name         string
	PasswordHash string // made by HashPassword
	Roles        []Role
}

// Token signs in a program (RFC 6750).
type Token struct {
	Name  string // for the log
	Token string // the secret, or "sha256:" and its hex digest
	Roles []Role
}
