// Programs where no program belongs. Plain ZIP files may hold programs: that is what people send
// them for, so members of a ZIP are left to the virus scanner.
//
// `kind` is the media type of the whole file; `within` is empty for the file itself, and for what
// was found inside it archive, document or pdf; `first` says that offset 0 here is its start.

rule Windows_Program_Embedded
{
    meta:
        description = "A Windows executable inside of a picture, a sound, a film or a document"
    strings:
        // What an offset below 4 KiB to the head of the program looks like. So many of them are no
        // accident, and only so many are remembered: whoever writes them hides one behind the rest.
        $mz = { 4D 5A [58] ?? 0? 00 00 }
    condition:
        kind != "application/zip" and within != "archive" and
        (
            #mz >= 10000 or
            for any i in (1..#mz): (
                uint32(@mz[i] + uint32(@mz[i] + 0x3C)) == 0x00004550
            )
        )
}

rule Linux_Program_Embedded
{
    meta:
        description = "An ELF executable inside of a picture, a sound, a film or a document"
    strings:
        $elf = { 7F 45 4C 46 (01 | 02) (01 | 02) 01 ?? 00 00 00 00 00 00 00 00 }
    condition:
        kind != "application/zip" and within != "archive" and $elf
}

rule Program_Attached_To_Document
{
    meta:
        description = "A document carries a script, a shortcut or a macOS program"
    strings:
        $shortcut = { 4C 00 00 00 01 14 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
        $shebang = "#!/"
        $macho = { (CF | CE) FA ED FE (07 | 0C) 00 00 (00 | 01) }
    condition:
        first and (within == "document" or within == "pdf") and
        ($shortcut at 0 or $shebang at 0 or $macho at 0)
}
