// Web shells hidden in media files. A bare `<?php` in a picture's comment is only odd: pictures are
// served as pictures, and thumbnails carry no comments. Only code of known shells is a find.

rule Web_Shell_In_Media
{
    meta:
        description = "PHP that unpacks and runs hidden code, or runs what a request brings"
    strings:
        $unpacks = /<\?(php|=)[\s\S]{0,400}\b(eval|assert)\s{0,8}\(\s{0,8}(gzinflate|gzuncompress|str_rot13|base64_decode|hex2bin)\s{0,8}\(/ nocase
        $chopper = /<\?(php)?\s{0,8}@(eval|assert)\s{0,8}\(\s{0,8}\$_(POST|REQUEST)\s{0,8}\[/ nocase
        $family = /<\?php[\s\S]{0,4000}(c99shell|r57shell|b374k|FilesMan|weevely)/
    condition:
        (kind startswith "image/" or kind startswith "audio/" or kind startswith "video/") and
        any of them
}
