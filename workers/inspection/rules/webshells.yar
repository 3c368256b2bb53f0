// Web shells hidden in media files. A bare `<?php` in a picture's comment is only odd: pictures are
// served as pictures, and thumbnails carry no comments. Only code of known shells is a find.
// The words alone, each of them cheap: a pattern that spans what stands between them takes half a
// minute over a file that is full of its beginnings.

rule Web_Shell_In_Media
{
    meta:
        description = "PHP that unpacks and runs hidden code, or runs what a request brings"
    strings:
        $tag_php = "<?php" nocase
        $tag_echo = "<?="
        $run_eval = "eval" nocase
        $run_assert = "assert" nocase
        $unpack_inflate = "gzinflate" nocase
        $unpack_uncompress = "gzuncompress" nocase
        $unpack_rot13 = "str_rot13" nocase
        $unpack_base64 = "base64_decode" nocase
        $unpack_hex = "hex2bin" nocase
        $quiet_eval = "@eval" nocase
        $quiet_assert = "@assert" nocase
        $sent_post = "$_POST"
        $sent_request = "$_REQUEST"
        $family_c99 = "c99shell"
        $family_r57 = "r57shell"
        $family_b374k = "b374k"
        $family_files = "FilesMan"
        $family_weevely = "weevely"
    condition:
        (kind startswith "image/" or kind startswith "audio/" or kind startswith "video/") and
        (
            (any of ($tag_*) and any of ($run_*) and any of ($unpack_*)) or
            (any of ($quiet_*) and any of ($sent_*)) or
            ($tag_php and any of ($family_*))
        )
}
