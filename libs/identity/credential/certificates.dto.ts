import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { CodePoints } from '#libs/platform/validation/decorators';
import { LONGEST_DAYS } from '../certificate/authority.js';
import { ROLES, type Role } from '../principal.js';

const PAGE_MAX = 200;
/** A request for a key of RSA 4096 is under 3 kB; one over 16 kB is told how long it may be (413), as the whole body is. */
const REQUEST_MOST = 64 * 1024;

export class IssueCertificateDto {
  /** an account's id, username or e-mail address, or the name of an owner without an account */
  @IsString() @CodePoints(1, 254)
  owner!: string;

  @IsOptional() @IsIn([...ROLES])
  role?: Role;

  @IsOptional() @IsInt() @Min(1) @Max(LONGEST_DAYS)
  days?: number;

  /** PKCS #10, PEM */
  @IsOptional() @IsString() @CodePoints(1, REQUEST_MOST)
  request?: string;
}

export class RenewCertificateDto {
  @IsOptional() @IsInt() @Min(1) @Max(LONGEST_DAYS)
  days?: number;

  @IsOptional() @IsString() @CodePoints(1, REQUEST_MOST)
  request?: string;

  /** end the old one at once */
  @IsOptional() @IsBoolean()
  revoke_old?: boolean;
}

export class ListCertificatesQuery {
  @IsOptional() @IsString() @CodePoints(1, 254)
  owner?: string;

  @IsOptional() @IsInt() @Min(1) @Max(PAGE_MAX)
  limit?: number;

  @IsOptional() @IsString() @CodePoints(1, 500)
  after?: string;
}
