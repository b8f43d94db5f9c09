package auth

import (
	"fmt"
	"strings"
)

// Role is a kind of thing that a caller may do.
type Role string

// The roles. A route without a role is for everybody.
const (
	View    Role = "view"    // look: streams, status, recordings, footage, metrics
	Control Role = "control" // view; start, stop, protect
	Admin   Role = "admin"   // control; delete, reload
	Declare Role = "declare" // view; make pipelines and take them back
)

// roles lists each role with the roles that it holds. Admin does not hold Declare, nor
// Declare Control: who may delete recordings need not decide what the machine writes, and
// the other way round.
var roles = []struct {
	role  Role
	holds Roles
}{
	{View, view}, {Control, view | control}, {Admin, view | control | admin}, {Declare, view | declare},
}

// Roles is a set of roles, with all that they hold. The zero value is nobody's.
type Roles uint8

const (
	view Roles = 1 << iota
	control
	admin
	declare
)

// Everything is all roles at once: what everybody has where nobody is asked who he is.
const Everything = view | control | admin | declare

// Holds reports whether the set allows what a role does. No role is for everybody.
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

// RolesOf returns the set that some roles make.
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

// Caller is who makes a request.
type Caller struct {
	Name  string // of the user or token, "anybody" without auth, empty where it is not known
	Roles Roles
}
