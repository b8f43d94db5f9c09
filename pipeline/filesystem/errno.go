package filesystem

import (
	"slices"
	"syscall"
)

// Is reports whether err is target, as errors.Is does. If target is an error number such as syscall.ENOSPC, Is
// also accepts the errors that Windows returns in its place.
func Is(err, target error) bool { return is(err, target) }

// IsAny reports whether err is one of the targets: see Is.
func IsAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return Is(err, t) })
}

// NoRoom reports whether an error means that the disk is full or the quota is used up.
func NoRoom(err error) bool { return IsAny(err, syscall.ENOSPC, syscall.EDQUOT) }
