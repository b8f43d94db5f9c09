//go:build unix

package filesystem

import "errors"

func is(err, target error) bool { return errors.Is(err, target) }
