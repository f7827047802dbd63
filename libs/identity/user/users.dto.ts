import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { CodePoints, NoControl } from '#libs/platform/validation/decorators';
import { ROLES, type Role } from '../principal.js';

/** What a name may hold is decided where it is claimed; here only how long a text is looked at. */
const NAME_LONGEST = 254;
/** Longer than any password: what is over the limit of the policy is told by the policy. */
const PASSWORD_LONGEST = 1_024;
const PAGE_MAX = 200;

/** An administrator makes an account: the one place where a role is a client's to say. */
export class NewUserBody {
  /** one of the two is needed */
  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  username?: string;

  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  email?: string;

  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  full_name?: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  password!: string;

  /** `user` unless told */
  @IsOptional() @IsIn([...ROLES])
  role?: Role;
}

/** What is not given stays as it is. */
export class ChangeUserDto {
  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  username?: string;

  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  email?: string;

  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  full_name?: string;
}

export class UserPasswordDto {
  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  password!: string;
}

/** Who may do this is asked by the guard; the role is what it is about. */
export class UserRoleBody {
  @IsIn([...ROLES])
  role!: Role;
}

export class DisableUserDto {
  @IsOptional() @IsString() @CodePoints(1, 200) @NoControl()
  reason?: string;
}

export class ListUsersQuery {
  /** the beginning of a username, an e-mail address, a full name or its last word */
  @IsOptional() @IsString() @CodePoints(1, 100)
  search?: string;

  @IsOptional() @IsIn([...ROLES])
  role?: Role;

  @IsOptional() @IsIn(['active', 'disabled'])
  status?: 'active' | 'disabled';

  /** 50 unless told */
  @IsOptional() @IsInt() @Min(1) @Max(PAGE_MAX)
  limit?: number;

  /** `next` of the page before */
  @IsOptional() @IsString() @CodePoints(1, 1_000)
  after?: string;
}

/** S4's list of the others. */
export class OtherUsersQuery {
  @IsOptional() @IsString() @CodePoints(1, 100)
  search?: string;

  /** 900 unless told */
  @IsOptional() @IsInt() @Min(1) @Max(900)
  limit?: number;

  @IsOptional() @IsString() @CodePoints(1, 1_000)
  after?: string;
}

/** S3's list, with page numbers. */
export class PanelUsersQuery {
  @IsOptional() @IsInt() @Min(1) @Max(10_000)
  page?: number;

  /** 20 unless told */
  @IsOptional() @IsInt() @Min(1) @Max(PAGE_MAX)
  per_page?: number;
}

/** S3's form, or the same as JSON. */
export class PanelUserDto {
  @IsString() @CodePoints(1, NAME_LONGEST)
  username!: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  password!: string;

  /** an administrator's account */
  @IsOptional() @IsBoolean()
  is_admin?: boolean;
}
