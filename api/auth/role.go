package auth

import (
	"fmt"
	"strings"
)

// Role names a set of permissions.
type Role string

// The roles. A route without a role is open to every client.
const (
	View    Role = "view"    // read streams, status, recordings, metrics
	Control Role = "control" // view; start, stop, protect
	Admin   Role = "admin"   // control; delete, reload
	Declare Role = "declare" // view; declare and delete pipelines
)

// roles lists each role with the roles that it includes. Admin does not include Declare, nor
// Declare Control: the right to delete recordings is independent of the right to decide what the
// machine writes.
var roles = []struct {
	role  Role
	holds Roles
}{
	{View, view}, {Control, view | control}, {Admin, view | control | admin}, {Declare, view | declare},
}

// Roles is a set of roles, including all that they include. The zero value allows nothing.
type Roles uint8

const (
	view Roles = 1 << iota
	control
	admin
	declare
)

// Everything is the set of all roles, which every caller has without authentication.
const Everything = view | control | admin | declare

// Holds reports whether the set allows a role. The empty role is allowed to all.
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

// List returns the roles of a set, the least first.
func (r Roles) List() (all []Role) {
	for i, known := range roles {
		if r&(1<<i) != 0 {
			all = append(all, known.role)
		}
	}
	return all
}

// RolesOf returns the set of some roles.
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

// Caller identifies the caller of a request.
type Caller struct {
	Name  string // user or token; "anybody" without auth; empty if unknown
	Roles Roles
}
