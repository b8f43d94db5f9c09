package main

import (
	"errors"
	"fmt"
)

var errNoInit = errors.New("process 1 cannot start the recorder as a second process: orphans of exec's commands will remain as zombies")

// childStatus is the exit status of the recorder as an error. The recorder has logged the reason itself.
type childStatus int

// Error returns a text with the exit status.
func (s childStatus) Error() string { return fmt.Sprintf("the recorder ended with %d", int(s)) }

// ExitCode returns the exit status.
func (s childStatus) ExitCode() int { return int(s) }
