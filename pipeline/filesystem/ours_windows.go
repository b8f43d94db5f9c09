package filesystem

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// noOtherRenames checks that no other user can replace a file in a directory. The error is ErrNotOurs.
func noOtherRenames(dir *os.File) error { return writtenByNoOther(dir) }

// ours checks that only this process's user and administrators can have written an open file. The error is ErrNotOurs.
func ours(f *os.File) error {
	var of windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &of); err != nil {
		return &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	switch {
	case of.FileAttributes&(windows.FILE_ATTRIBUTE_DIRECTORY|windows.FILE_ATTRIBUTE_REPARSE_POINT|windows.FILE_ATTRIBUTE_DEVICE) != 0:
		return notOurs(f.Name(), "it is no regular file", "remove it")
	case of.NumberOfLinks != 1:
		return notOurs(f.Name(), "it has a second name (a hard link)", "copy it, and put the copy in its place")
	}
	return writtenByNoOther(f)
}

// oursToFill checks that only this process's user and administrators can put files into an open directory. The error
// is ErrNotOurs.
func oursToFill(dir *os.File) error {
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return notOurs(dir.Name(), "it is no directory", "remove it")
	}
	return writtenByNoOther(dir)
}

// fileDeleteChild is FILE_DELETE_CHILD.
const fileDeleteChild = 0x40

// changes are the rights with which a user can change a file, its access list, or the entries of a directory.
const changes = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | fileDeleteChild | windows.DELETE |
	windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// writtenByNoOther checks by its access list that an open file belongs to this process's user or to an administrator,
// and that no other user has one of the rights in changes. The error is ErrNotOurs.
func writtenByNoOther(f *os.File) error {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return &os.PathError{Op: "read the access list of", Path: f.Name(), Err: err}
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return err
	}
	trusted := func(sid *windows.SID) bool {
		return sid.Equals(me.User.Sid) || sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
			sid.IsWellKnown(windows.WinLocalSystemSid) || sid.IsWellKnown(windows.WinCreatorOwnerSid)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return err
	}
	if !trusted(owner) {
		return notOurs(f.Name(), fmt.Sprintf("it belongs to the user %s", owner), "make it belong to the user that runs spool")
	}
	acl, _, err := sd.DACL()
	if err != nil || acl == nil { // without a list every user has all rights
		return notOurs(f.Name(), "it has no access list", "let only the user that runs spool write to it")
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return err
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		if ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE && ace.Mask&changes != 0 && !trusted(sid) {
			return notOurs(f.Name(), fmt.Sprintf("the user or group %s may write to it", sid), "let only the user that runs spool write to it")
		}
	}
	return nil
}
