// Package guard turns a panic into an error, in one place for all that must outlive
// one: stages, tasks, and the parsers of what comes from outside.
package guard

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic that was caught.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the value that was given to panic. The stack is for the log.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Call returns what f returns, or a *PanicError where f panics.
func Call(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
