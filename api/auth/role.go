package auth

import (
	"fmt"
	"strings"
)

// Role names a set of permissions.
type Role string

// The roles.
const (
	View    Role = "view"    // may read streams, status, recordings and metrics
	Control Role = "control" // view, and may start and stop recordings and pipelines, trigger events, set protection
	Admin   Role = "admin"   // control, and may delete recordings, reload, confirm the clock
	Declare Role = "declare" // view, and may make and remove pipelines
)

// roles lists each role with the roles that it includes. Admin does not include Declare, and Declare
// does not include Control: the right to delete recordings does not imply the right to decide what the
// machine records, nor the reverse.
var roles = []struct {
	role  Role
	holds Roles
}{
	{View, view}, {Control, view | control}, {Admin, view | control | admin}, {Declare, view | declare},
}

// Roles is a set of roles. A set that contains a role also contains the roles that this role
// includes. The zero value is the empty set.
type Roles uint8

const (
	view Roles = 1 << iota
	control
	admin
	declare
)

// Everything is the set of all roles. Every caller has it where no authentication is configured.
const Everything = view | control | admin | declare

// Holds reports whether the set contains a role. Every set contains the empty role, which is the
// role of a route that is open to all clients.
func (r Roles) Holds(need Role) bool {
	if need == "" {
		return true
	}
	for i, known := range roles {
		if known.role == need {
			return r&(1<<i) != 0
		}
	}
	return false
}

// List returns the roles in a set, in the order of their declaration: view first.
func (r Roles) List() (all []Role) {
	for i, known := range roles {
		if r&(1<<i) != 0 {
			all = append(all, known.role)
		}
	}
	return all
}

// RolesOf returns the set of the given roles and of those that they include. It returns an error for
// an unknown role, and for an empty list.
func RolesOf(list ...Role) (all Roles, err error) {
	for _, r := range list {
		set := Roles(0)
		for _, known := range roles {
			if known.role == r {
				set = known.holds
			}
		}
		if set == 0 {
			return 0, fmt.Errorf("role %q is none of %s", string(r), roleNames())
		}
		all |= set
	}
	if all == 0 {
		return 0, fmt.Errorf("no role: give one of %s", roleNames())
	}
	return all, nil
}

func roleNames() string {
	names := make([]string, len(roles))
	for i, known := range roles {
		names[i] = string(known.role)
	}
	return strings.Join(names, ", ")
}

// newCaller returns a caller with the given roles and those that they include. It returns an error for an unknown role,
// and for a caller without roles and streams.
func newCaller(name string, list []Role, s Streams) (Caller, error) {
	var roles Roles
	var err error
	if len(list) > 0 || s.Empty() {
		roles, err = RolesOf(list...)
	}
	return Caller{name, roles, s}, err
}

// Caller identifies the caller of a request.
type Caller struct {
	Name    string // the user's name, or token and the token's name; "anybody" without authentication; empty if unknown
	Roles   Roles
	Streams Streams
}
