package webrtc

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog passes the warnings and errors of pion to the log, for diagnosis only: any client can cause them. Its other lines
// are dropped, because they may hold keys.
type pionLog struct{ log *slog.Logger }

// NewLogger returns the log of a part of pion.
func (l pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{l.log.With("scope", scope)}
}

func (l pionLog) Trace(string)          {}
func (l pionLog) Tracef(string, ...any) {}
func (l pionLog) Debug(string)          {}
func (l pionLog) Debugf(string, ...any) {}
func (l pionLog) Info(string)           {}
func (l pionLog) Infof(string, ...any)  {}

func (l pionLog) Warn(text string)                { l.log.Debug("webrtc library warns", "text", text) }
func (l pionLog) Warnf(text string, args ...any)  { l.Warn(fmt.Sprintf(text, args...)) }
func (l pionLog) Error(text string)               { l.log.Debug("webrtc library reports an error", "text", text) }
func (l pionLog) Errorf(text string, args ...any) { l.Error(fmt.Sprintf(text, args...)) }
