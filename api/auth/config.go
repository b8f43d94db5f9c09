package auth

// Config says who may do what. Without users and tokens everybody may do
// everything.
type Config struct {
	None   bool // nobody is asked, and that is written out
	Users  []User
	Tokens []Token
}

// Open reports whether nobody is asked who he is.
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
	Token string // the secret itself, or "sha256:" and the hex digest of it
	Roles []Role
}
