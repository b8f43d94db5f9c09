// Package guard returns a panic as an error, for code that must survive one: stages, tasks, and parsers of
// bytes from outside.
package guard

import (
	"fmt"
	"runtime/debug"
)

// PanicError is the error for a recovered panic.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the value of the panic. It leaves out the stack, which belongs in a log.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Call returns the result of f, or a *PanicError if f panics.
func Call(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
