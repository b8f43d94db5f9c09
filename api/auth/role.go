package auth

import "fmt"

// Role is what a caller may do. Each holds the ones before it.
type Role string

// The roles. A route without a role is for everybody.
const (
	View    Role = "view"    // look: streams, status, recordings, footage, metrics
	Control Role = "control" // start, stop, protect
	Admin   Role = "admin"   // delete
)

// Holds reports whether a role allows what another one does.
func (r Role) Holds(need Role) bool { return r.rank() >= need.rank() }

// rank orders the roles; 0 for none, -1 for what is no role.
func (r Role) rank() int {
	switch r {
	case "":
		return 0
	case View:
		return 1
	case Control:
		return 2
	case Admin:
		return 3
	}
	return -1
}

// highest is the strongest of some roles.
func highest(roles []Role) (Role, error) {
	var top Role
	for _, r := range roles {
		if r.rank() <= 0 {
			return "", fmt.Errorf("role %q is none of view, control, admin", string(r))
		}
		if r.rank() > top.rank() {
			top = r
		}
	}
	if top == "" {
		return "", fmt.Errorf("no role: give one of view, control, admin")
	}
	return top, nil
}

// Caller is who makes a request.
type Caller struct {
	Name string // of the user or token, "anybody" without auth, empty where it is not known
	Role Role
}
